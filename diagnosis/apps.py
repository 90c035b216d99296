from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.db.models.signals import post_delete
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from diagnosis.records.models import Picture


class DiagnosisConfig(AppConfig):
    name = "diagnosis"
    verbose_name = _("Diagnosis")

    def ready(self) -> None:
        from diagnosis.push import subscriptions  # noqa: F401 listens

        for name in ("MoleRecord", "FurtherPicture"):
            model = self.get_model(name)
            post_delete.connect(remove_picture, sender=model, dispatch_uid=f"remove {name}")


def remove_picture(instance: "Picture", **_: Any) -> None:
    """However a picture's row goes (alone, or with its owner), its file goes on commit."""
    from diagnosis.records import removal  # the models it needs come after this module

    removal.on_commit(str(instance.image.name))
