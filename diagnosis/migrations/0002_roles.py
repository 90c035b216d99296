"""Who may do what beyond their own records. A person's rights are ownership, not permissions."""

from django.apps import apps as real_apps
from django.contrib.auth.management import create_permissions
from django.db import migrations

PERMISSIONS = {
    "doctor": (
        "diagnosis.view_mole",
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
    ),
}


def grant(apps, schema_editor):
    # Django makes permissions after all migrations; these are needed now.
    for label in {name.split(".")[0] for names in PERMISSIONS.values() for name in names}:
        create_permissions(real_apps.get_app_config(label), verbosity=0, apps=apps)
    group, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    for role, names in PERMISSIONS.items():
        for name in names:
            app_label, codename = name.split(".")
            group.objects.get(name=role).permissions.add(
                permission.objects.get(content_type__app_label=app_label, codename=codename)
            )


def withdraw(apps, schema_editor):
    for role in apps.get_model("auth", "Group").objects.filter(name__in=PERMISSIONS):
        role.permissions.clear()


class Migration(migrations.Migration):
    dependencies = [
        ("diagnosis", "0001_initial"),
        ("accounts", "0002_groups"),
        ("auditlog", "0001_initial"),
        ("knox", "0001_initial"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(grant, withdraw)]
