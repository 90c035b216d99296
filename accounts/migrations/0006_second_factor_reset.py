"""Administrators remove the second factor of who has lost it."""

from django.apps import apps as real_apps
from django.contrib.auth.management import create_permissions
from django.db import migrations

CODENAMES = ("view_authenticator", "delete_authenticator")


def grant(apps, schema_editor):
    # Django makes permissions after all migrations; these are needed now.
    create_permissions(real_apps.get_app_config("mfa"), verbosity=0, apps=apps)
    found = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="mfa", codename__in=CODENAMES
    )
    apps.get_model("auth", "Group").objects.get(name="administrator").permissions.add(*found)


def withdraw(apps, schema_editor):
    role = apps.get_model("auth", "Group").objects.get(name="administrator")
    role.permissions.remove(*role.permissions.filter(codename__in=CODENAMES))


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_append_only_audit_log"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(grant, withdraw)]
