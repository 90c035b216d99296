"""Rights beyond one's own things: one table, brought into the database by each migrate.

A person's own records, moles and links are theirs by ownership, which needs no permission.
"""

from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.utils.translation import gettext_lazy

ROLES: dict[str, tuple[str, ...]] = {
    "person": (),
    "doctor": (
        "diagnosis.view_molerecord",
        "diagnosis.view_assessment",
        "diagnosis.view_review",
        "diagnosis.add_review",
        "diagnosis.change_review",
    ),
    "administrator": (
        "accounts.view_user",
        "accounts.add_user",
        "accounts.change_user",
        "accounts.delete_user",
        "auth.view_group",
        "auditlog.view_logentry",
        "knox.view_authtoken",
        "knox.delete_authtoken",
        "diagnosis.view_webhook",
        "diagnosis.view_webhookdelivery",
        # To send it again
        "diagnosis.change_webhookdelivery",
        # For people who have lost the second factor.
        "mfa.view_authenticator",
        "mfa.delete_authenticator",
    ),
}

# Who sees other people's records, in the administration pages.
STAFF = {"doctor", "administrator"}
# As people read them; lazily, since the settings read this file before there are any.
NAMES = {
    "person": gettext_lazy("person"),
    "doctor": gettext_lazy("doctor"),
    "administrator": gettext_lazy("administrator"),
}


def apply(sender: AppConfig, *, using: str, apps: Any = installed, **_: Any) -> None:
    """Give each role what the table says of one app, and nothing else; sent after each migrate."""
    try:
        groups = apps.get_model("auth", "Group").objects.using(using)
        permissions = apps.get_model("auth", "Permission").objects.using(using)
    except LookupError:
        return  # migrated back to before there were groups
    # Django's own receiver may come later than this one.
    create_permissions(sender, verbosity=0, using=using, apps=apps)
    of_the_app = permissions.filter(content_type__app_label=sender.label)
    for role, names in ROLES.items():
        group, _created = groups.get_or_create(name=role)
        codenames = [name.split(".")[1] for name in names if name.startswith(f"{sender.label}.")]
        group.permissions.remove(*of_the_app.filter(group=group).exclude(codename__in=codenames))
        group.permissions.add(*of_the_app.filter(codename__in=codenames))
