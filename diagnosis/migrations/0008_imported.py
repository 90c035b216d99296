from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0007_queue_indexes")]
    operations = [
        migrations.AddField(
            model_name="molerecord",
            name="imported",
            field=models.BooleanField(default=False, editable=False),
        ),
    ]
