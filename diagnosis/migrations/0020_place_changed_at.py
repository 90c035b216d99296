from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("diagnosis", "0019_webhooks"),
    ]

    operations = [
        migrations.AddField(
            model_name="molerecord",
            name="place_changed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="molerecord",
            index=models.Index(
                fields=["place_changed_at"],
                condition=Q(place_changed_at__isnull=False),
                name="record_place_changed",
            ),
        ),
    ]
