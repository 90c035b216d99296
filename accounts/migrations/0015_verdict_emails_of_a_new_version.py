from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0014_session_stamp")]

    operations = [
        migrations.AlterField(
            model_name="user",
            name="verdict_emails",
            field=models.BooleanField(
                default=True,
                verbose_name="E-mail me when a doctor has looked at my picture, or a new version "
                "wants one to look",
            ),
        ),
    ]
