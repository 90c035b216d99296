from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_preferences")]
    operations = [
        migrations.AddField(
            model_name="user",
            name="teaching_consented_at",
            field=models.DateTimeField(
                blank=True, null=True, verbose_name="allowed use for training at"
            ),
        ),
    ]
