from typing import Any

from django.apps import AppConfig
from django.db.models.signals import pre_save
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("People")

    def ready(self) -> None:
        from allauth.mfa.models import Authenticator
        from auditlog.models import LogEntry
        from auditlog.registry import auditlog

        from accounts import notices  # noqa: F401 connects

        # Who may do what is worth a trace; names and birthdays are not the log's business.
        auditlog.register(
            self.get_model("User"),
            include_fields=[
                *("is_active", "is_staff", "is_superuser", "teaching_consented_at"),
                *("email", "password"),
            ],
            # That they changed, never what they are.
            mask_fields=["email", "password"],
            mask_callable="accounts.apps.hidden",
            m2m_fields={"groups"},
        )
        auditlog.register(Authenticator, include_fields=["user", "type"])
        pre_save.connect(leave_name_out, sender=LogEntry, dispatch_uid="leave_name_out")


def hidden(value: str) -> str:
    return "***"


def leave_name_out(instance: Any, **_: Any) -> None:
    """The log outlives the account, and with it the right to keep the name.

    People also name their security keys, after themselves or their phone.
    """
    match instance.content_type.model:
        case "user":
            instance.object_repr = f"P-{str(instance.object_pk)[:8]}"
        case "authenticator":
            instance.object_repr = f"second factor {instance.object_pk}"
