"""Let administrators remove the second factor of people who have lost it once; by now accounts/roles.py does so after each migrate."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_append_only_audit_log"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = []
