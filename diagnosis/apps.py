from django.apps import AppConfig
from django.db import transaction
from django.db.models.signals import post_delete
from django.utils.translation import gettext_lazy as _


class DiagnosisConfig(AppConfig):
    name = "diagnosis"
    verbose_name = _("Diagnosis")

    def ready(self) -> None:
        from auditlog.registry import auditlog

        record, review = self.get_model("MoleRecord"), self.get_model("Review")
        # The log keeps who and when; notes, comments and pictures go with the record.
        auditlog.register(record, include_fields=["owner", "mole", "modality"])
        auditlog.register(
            review, include_fields=["record", "doctor", "diagnosis", "risk_category", "urgency"]
        )
        auditlog.register(
            self.get_model("Share"), include_fields=["owner", "mole", "record", "expires_at"]
        )
        post_delete.connect(remove_picture, sender=record, dispatch_uid="remove_picture")


def remove_picture(instance, **_) -> None:
    """However a record goes (alone, or with its owner), its picture goes on commit."""
    image = instance.image
    transaction.on_commit(lambda: image.storage.delete(image.name), robust=True)
