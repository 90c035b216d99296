import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0009_molerecord_demo")]
    operations = [
        migrations.RemoveIndex(model_name="review", name="review_to_be_told"),
        migrations.AddField(
            model_name="review",
            name="news_since",
            field=models.DateTimeField(default=django.utils.timezone.now, editable=False),
        ),
        migrations.RunSQL(
            "UPDATE diagnosis_review SET news_since = created_at", migrations.RunSQL.noop
        ),
        migrations.AddIndex(
            model_name="review",
            index=models.Index(
                condition=models.Q(("notified_at__isnull", True)),
                fields=["news_since"],
                name="review_to_be_told",
            ),
        ),
    ]
