import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0015_verdict_emails_of_a_new_version"),
    ]

    operations = [
        migrations.AddField(
            model_name="outgoingmail",
            name="about",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(), db_default=[], default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="outgoingmail",
            name="gathers_for",
            field=models.UUIDField(null=True, unique=True),
        ),
    ]
