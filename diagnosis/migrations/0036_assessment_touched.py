"""The moment of an answer alone locks no record.

mark_updated moves it for other records than the one that a doctor or worker holds: with the record
behind it, the two waited for each other.
"""

from django.db import migrations

DERIVE_AGAIN = """
CREATE OR REPLACE TRIGGER record_derive_again
    AFTER INSERT OR UPDATE%s
    ON diagnosis_assessment
    FOR EACH ROW EXECUTE FUNCTION diagnosis_record_derive_again();
"""
WHAT_COUNTS = " OF record_id, risk_category, advice, uncertain"


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0035_subscriptions_anew")]

    operations = [migrations.RunSQL(DERIVE_AGAIN % WHAT_COUNTS, DERIVE_AGAIN % "")]
