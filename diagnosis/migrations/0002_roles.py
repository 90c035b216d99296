"""Granted the roles their rights once; by now accounts/roles.py does so after each migrate."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("diagnosis", "0001_initial"),
        ("accounts", "0002_groups"),
        ("auditlog", "0001_initial"),
        ("knox", "0001_initial"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = []
