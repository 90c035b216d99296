from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.db import transaction
from django.db.models.signals import post_delete
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from diagnosis.records.models import MoleRecord


class DiagnosisConfig(AppConfig):
    name = "diagnosis"
    verbose_name = _("Diagnosis")

    def ready(self) -> None:
        record = self.get_model("MoleRecord")
        post_delete.connect(remove_picture, sender=record, dispatch_uid="remove_picture")


def remove_picture(instance: "MoleRecord", **_: Any) -> None:
    """However a record goes (alone, or with its owner), its picture goes on commit."""
    storage, name = instance.image.storage, str(instance.image.name)
    transaction.on_commit(lambda: storage.delete(name), robust=True)
