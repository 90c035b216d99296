from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0008_imported")]
    operations = [
        migrations.AddField(
            model_name="molerecord",
            name="demo",
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.RemoveIndex(model_name="molerecord", name="record_review_queue"),
        migrations.AddIndex(
            model_name="molerecord",
            index=models.Index(
                condition=models.Q(("demo", False), ("is_reviewed", False), ("state", "done")),
                fields=["-danger", "created_at", "-id"],
                name="record_review_queue",
            ),
        ),
    ]
