"""Links that show a mole, or a record, to somebody without an account."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnosis.records.models import Mole, MoleRecord


class Share(models.Model):
    """A link by which a doctor without an account reads one mole, or one record, for some days."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="shares", verbose_name=_("person")
    )
    mole = models.ForeignKey(
        Mole, models.CASCADE, null=True, related_name="shares", verbose_name=_("mole")
    )
    record = models.ForeignKey(
        MoleRecord, models.CASCADE, null=True, related_name="shares", verbose_name=_("record")
    )
    created_at = models.DateTimeField(_("made at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("works until"))

    class Meta:
        verbose_name = _("share link")
        verbose_name_plural = _("share links")
        constraints = [
            models.CheckConstraint(
                condition=Q(mole__isnull=True, record__isnull=False)
                | Q(mole__isnull=False, record__isnull=True),
                name="share_of_a_mole_or_of_a_record",
            ),
        ]

    @property
    def of_mole(self) -> Mole | None:
        """The mole that it shows, or that its one record shows."""
        return self.record.mole if self.record else self.mole

    def __str__(self) -> str:
        return _("share %(id)s") % {"id": str(self.id)[:8]}
