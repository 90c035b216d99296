from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import migrations, models
from django.db.models import Func, Value


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0010_review_news_since")]
    operations = [
        migrations.RemoveIndex(model_name="molerecord", name="record_note_words"),
        migrations.AddIndex(
            model_name="molerecord",
            index=GinIndex(
                SearchVector(
                    Func(
                        "note",
                        Value("-+./"),
                        Value("    "),
                        function="translate",
                        output_field=models.TextField(),
                    ),
                    config="simple",
                ),
                name="record_note_words",
            ),
        ),
    ]
