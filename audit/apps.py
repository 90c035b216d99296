from hashlib import sha256
from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import pre_save
from django.utils.translation import gettext_lazy as _

# What is registered, and the fields that the log keeps: who and when, and what is worth a trace.
# Names, birthdays, notes, comments and pictures are not the log's business, and go with their row.
REGISTERED: dict[str, dict[str, Any]] = {
    "accounts.User": {
        "include_fields": [
            *("is_active", "is_staff", "is_superuser"),
            *("teaching_consented_at", "similar_consented_at"),
            *("email", "password"),
        ],
        # That they changed, never what they are.
        "mask_fields": ["email", "password"],
        "mask_callable": "audit.apps.hidden",
        "m2m_fields": {"groups"},
    },
    "account.EmailAddress": {"include_fields": ["user", "primary", "verified"]},
    "mfa.Authenticator": {"include_fields": ["user", "type"]},
    "socialaccount.SocialAccount": {"include_fields": ["user", "provider"]},
    "knox.AuthToken": {"include_fields": ["user", "expiry"]},
    "diagnosis.MoleRecord": {"include_fields": ["owner", "mole", "modality"]},
    "diagnosis.FurtherPicture": {"include_fields": ["record", "modality"]},
    # Of a verdict, too: administrators read none, and the log outlives the record.
    "diagnosis.Review": {
        "include_fields": ["record", "doctor", "diagnosis", "risk_category", "urgency"],
        "mask_fields": ["diagnosis", "risk_category", "urgency"],
        "mask_callable": "audit.apps.hidden",
    },
    "diagnosis.Webhook": {"include_fields": ["owner", "events", "secret_number", "disabled_at"]},
    "diagnosis.PushSubscription": {"include_fields": ["person"]},
    "diagnosis.SecondOpinion": {"include_fields": ["first", "asked", "second", "final"]},
    "diagnosis.Share": {"include_fields": ["owner", "mole", "record", "expires_at"]},
}
# Health data: every look that staff take at them in the administration is kept.
HEALTH = ("diagnosis.MoleRecord", "diagnosis.Review", "diagnosis.Assessment")


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = _("Audit log")

    def ready(self) -> None:
        from auditlog.models import LogEntry
        from auditlog.registry import auditlog

        from audit import decisions  # noqa: F401 listens

        for model, fields in REGISTERED.items():
            auditlog.register(apps.get_model(model), **fields)
        pre_save.connect(leave_name_out, sender=LogEntry, dispatch_uid="leave_name_out")


def hidden(value: str) -> str:
    return "***"


def leave_name_out(instance: Any, **_: Any) -> None:
    """The log outlives the account, and with it the right to keep the name.

    People also name their security keys, after themselves or their phone.
    """
    match instance.content_type.model:
        case "user" if instance.object_pk:
            instance.object_repr = f"P-{str(instance.object_pk)[:8]}"
        case "authenticator":
            instance.object_repr = f"second factor {instance.object_pk}"
        case "socialaccount":
            instance.object_repr = f"identity at the provider {instance.object_pk}"
        case "emailaddress":
            instance.object_repr = f"e-mail address {instance.object_pk}"
        case "authtoken":
            instance.object_repr = "token"
        case "pushsubscription":  # the browser proves itself by the id
            instance.object_pk = sha256(str(instance.object_pk).encode()).hexdigest()[:32]
