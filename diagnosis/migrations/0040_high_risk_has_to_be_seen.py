"""No stored verdict says of a high-risk cancer that no visit is needed.

Such a verdict is refused by now, and its person read a green “No visit needed”.
"""

from django.db import migrations

SOON = """
UPDATE diagnosis_review SET urgency = 'doctor_days'
WHERE risk_category = 'malignant_high_risk' AND urgency = 'none';
"""


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0039_most_urgent_warning")]

    operations = [migrations.RunSQL(SOON, migrations.RunSQL.noop)]
