from django.db import migrations, models

ORIGIN = """
UPDATE diagnosis_molerecord SET origin = CASE
    WHEN demo THEN 'demo' WHEN imported THEN 'import' ELSE 'camera' END
WHERE demo OR imported OR phone_advice <> '';
"""
FLAGS = """
UPDATE diagnosis_molerecord SET demo = origin = 'demo', imported = origin = 'import'
WHERE origin IN ('demo', 'import');
"""


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0011_note_words")]
    operations = [
        migrations.AddField(
            model_name="molerecord",
            name="origin",
            field=models.CharField(
                choices=[
                    ("upload", "Upload"),
                    ("camera", "Camera"),
                    ("import", "Import"),
                    ("demo", "Demo"),
                ],
                default="upload",
                editable=False,
                max_length=20,
            ),
        ),
        migrations.RunSQL(ORIGIN, FLAGS),
        migrations.RemoveIndex(model_name="molerecord", name="record_review_queue"),
        migrations.RemoveField(model_name="molerecord", name="demo"),
        migrations.RemoveField(model_name="molerecord", name="imported"),
        migrations.AddIndex(
            model_name="molerecord",
            index=models.Index(
                condition=models.Q(
                    ("is_reviewed", False),
                    ("state", "done"),
                    models.Q(("origin", "demo"), _negated=True),
                ),
                fields=["-danger", "created_at", "-id"],
                name="record_review_queue",
            ),
        ),
        migrations.AddConstraint(
            model_name="molerecord",
            constraint=models.CheckConstraint(
                condition=models.Q(("origin__in", ["upload", "camera", "import", "demo"])),
                name="record_origin_is_known",
            ),
        ),
    ]
