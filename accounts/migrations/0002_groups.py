"""Made the groups once; by now accounts/roles.py does so after each migrate."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = []
