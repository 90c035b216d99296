import uuid

import django.db.models.deletion
from django.db import migrations, models

import diagnosis.records.models

MODALITIES = [
    ("dermoscopy", "Taken with a dermatoscope"),
    ("photo", "Taken with a phone or a camera"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("diagnosis", "0026_assessment_features"),
    ]

    operations = [
        # The column keeps its name: the version before works on with it.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveIndex(model_name="molerecord", name="record_place_changed"),
                migrations.AlterField(
                    model_name="molerecord",
                    name="place_changed_at",
                    field=models.DateTimeField(
                        blank=True, db_column="place_changed_at", editable=False, null=True
                    ),
                ),
                migrations.RenameField(
                    model_name="molerecord", old_name="place_changed_at", new_name="stale_since"
                ),
                migrations.AddIndex(
                    model_name="molerecord",
                    index=models.Index(
                        condition=models.Q(("stale_since__isnull", False)),
                        fields=["stale_since"],
                        name="record_place_changed",
                    ),
                ),
            ]
        ),
        migrations.AddField(
            model_name="assessment",
            name="pictures",
            field=models.JSONField(
                blank=True,
                db_default=[],
                decoder=diagnosis.records.models.FastDecoder,
                default=list,
                verbose_name="answers to the single pictures",
            ),
        ),
        migrations.CreateModel(
            name="FurtherPicture",
            fields=[
                (
                    "image",
                    models.FileField(
                        max_length=100,
                        upload_to=diagnosis.records.models.random_name,
                        verbose_name="picture",
                    ),
                ),
                (
                    "modality",
                    models.CharField(
                        choices=MODALITIES,
                        default="photo",
                        max_length=20,
                        verbose_name="kind of picture",
                    ),
                ),
                ("image_bytes", models.PositiveIntegerField(default=0, editable=False)),
                (
                    "picture_digest",
                    models.CharField(blank=True, editable=False, max_length=64),
                ),
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="sent at")),
                (
                    "record",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="further",
                        to="diagnosis.molerecord",
                    ),
                ),
            ],
            options={
                "verbose_name": "further picture",
                "verbose_name_plural": "further pictures",
                "ordering": ["created_at", "pk"],
                "indexes": [models.Index(fields=["picture_digest"], name="further_same_picture")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("image", ""), _negated=True),
                        name="further_has_a_picture",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("modality__in", ["dermoscopy", "photo"])),
                        name="further_modality_is_known",
                    ),
                    models.UniqueConstraint(
                        fields=("record", "picture_digest"), name="further_picture_once"
                    ),
                ],
            },
        ),
    ]
