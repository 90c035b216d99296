from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0012_origin")]
    operations = [
        migrations.AddField(
            model_name=model,
            name="mail_claimed_until",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        )
        for model in ("mole", "review")
    ]
