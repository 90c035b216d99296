"""Whether two doctors agreed is kept as it was when the second one wrote.

What was corrected before this migration is counted as it stands.
"""

from django.db import migrations, models

AS_IT_STANDS = """
UPDATE diagnosis_secondopinion AS opinion
SET is_same_category = first.risk_category = second.risk_category
FROM diagnosis_review AS first, diagnosis_review AS second
WHERE first.id = opinion.first_id AND second.id = opinion.second_id;
"""


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0040_high_risk_has_to_be_seen")]

    operations = [
        migrations.AddField(
            "secondopinion",
            "is_same_category",
            models.BooleanField("same risk category", null=True, editable=False),
        ),
        migrations.RunSQL(AS_IT_STANDS, migrations.RunSQL.noop),
    ]
