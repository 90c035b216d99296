import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("diagnosis", "0004_size_mm"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="mole",
            name="remind_after_days",
            field=models.PositiveSmallIntegerField(
                choices=[
                    (0, "never"),
                    (30, "every month"),
                    (91, "every three months"),
                    (182, "every six months"),
                    (365, "every year"),
                ],
                default=30,
                verbose_name="reminder to look again",
            ),
        ),
        migrations.AddField(
            model_name="mole",
            name="reminded_at",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="reminded at"
            ),
        ),
        migrations.AddConstraint(
            model_name="mole",
            constraint=models.CheckConstraint(
                condition=models.Q(("remind_after_days__in", [0, 30, 91, 182, 365])),
                name="mole_reminder_is_known",
            ),
        ),
        migrations.CreateModel(
            name="Share",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(auto_now_add=True, verbose_name="made at"),
                ),
                ("expires_at", models.DateTimeField(verbose_name="works until")),
                (
                    "mole",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="shares",
                        to="diagnosis.mole",
                        verbose_name="mole",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="shares",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="person",
                    ),
                ),
                (
                    "record",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="shares",
                        to="diagnosis.molerecord",
                        verbose_name="record",
                    ),
                ),
            ],
            options={
                "verbose_name": "share link",
                "verbose_name_plural": "share links",
            },
        ),
        migrations.AddConstraint(
            model_name="share",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("mole__isnull", True), ("record__isnull", False)),
                    models.Q(("mole__isnull", False), ("record__isnull", True)),
                    _connector="OR",
                ),
                name="share_of_a_mole_or_of_a_record",
            ),
        ),
    ]
