from django.apps import AppConfig
from django.db import transaction
from django.db.models.signals import post_delete
from django.utils.translation import gettext_lazy as _


class DiagnosisConfig(AppConfig):
    name = "diagnosis"
    verbose_name = _("Diagnosis")

    def ready(self) -> None:
        record = self.get_model("MoleRecord")
        post_delete.connect(remove_picture, sender=record, dispatch_uid="remove_picture")


def remove_picture(instance, **_) -> None:
    """However a record goes (alone, or with its owner), its picture goes on commit."""
    image = instance.image
    transaction.on_commit(lambda: image.storage.delete(image.name), robust=True)
