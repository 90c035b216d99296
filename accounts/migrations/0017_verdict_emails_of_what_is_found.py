from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0016_gathered_mails")]

    operations = [
        migrations.AlterField(
            model_name="user",
            name="verdict_emails",
            field=models.BooleanField(
                default=True,
                verbose_name="E-mail me when a doctor has looked at my picture, or the program "
                "finds afterwards that a doctor should look",
            ),
        ),
    ]
