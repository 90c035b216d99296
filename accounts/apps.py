from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("People")

    def ready(self) -> None:
        # They listen.
        from accounts import deletion, notices, prehijacking, roles, single_sign_on  # noqa: F401

        post_migrate.connect(roles.apply, dispatch_uid="roles")
