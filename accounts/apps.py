from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("People")

    def ready(self) -> None:
        from auditlog.registry import auditlog

        # Who may do what is worth a trace; names and birthdays are not the log's business.
        auditlog.register(
            self.get_model("User"),
            include_fields=["is_active", "is_staff", "is_superuser"],
            m2m_fields={"groups"},
        )
