from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0015_names")]
    operations = [
        migrations.AddField(
            model_name="molerecord",
            name="picture_digest",
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
        migrations.AddIndex(
            model_name="molerecord",
            index=models.Index(
                condition=~models.Q(picture_digest=""),
                fields=["owner", "picture_digest"],
                name="record_same_picture",
            ),
        ),
    ]
