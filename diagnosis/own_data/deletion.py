"""An account deleted by its person."""

from auditlog.context import auditlog_value
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.ownership import take_turn


def delete_account(person: User) -> None:
    """Delete the person with all their rows, sessions and, on commit, pictures.

    Raises ValidationError for who wrote, or was asked for, a verdict on another's record: these
    keep their doctors.
    """
    with transaction.atomic():
        take_turn(person.pk)  # with doctors, who write to several of the records
        # Locked first: no picture can come in meanwhile, and no assessment.
        list(User.objects.select_for_update().filter(pk=person.pk))
        list(person.records.select_for_update().values_list("pk"))
        # No entry may point to the person who goes: their own ones keep the pseudonym only.
        auditlog_value.get({}).update(actor=None, actor_email=person.pseudonym)
        try:
            person.delete()
        except ProtectedError as error:
            raise ValidationError(
                _(
                    "Verdicts, or questions of colleagues, keep your name. "
                    "Ask an administrator to close your account."
                )
            ) from error
