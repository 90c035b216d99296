from django.db import migrations

# As in 0031, but where a newer version can't judge a picture, another's warning still counts.
DERIVE = """
CREATE OR REPLACE FUNCTION diagnosis_record_derive() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    alarms text[] := diagnosis_record_alarms(NEW.signs, NEW.changes);
BEGIN
    NEW.danger := COALESCE((
        SELECT CASE
            WHEN risk_category = 'malignant_high_risk' THEN 4
            WHEN risk_category = 'malignant_low_risk' THEN 3
            WHEN risk_category = 'benign'
                AND (advice <> 'watch' OR cardinality(NEW.changes) > 0) THEN 2
            WHEN risk_category = 'benign' THEN 1
            WHEN cardinality(alarms) > 0 %sTHEN 2
        END
        FROM diagnosis_assessment WHERE id = NEW.current_assessment_id
    ), 0);
    IF cardinality(alarms) = 0 THEN
        NEW.has_new_alarm := FALSE;
    ELSIF TG_OP = 'UPDATE' AND NOT alarms <@ diagnosis_record_alarms(OLD.signs, OLD.changes)
        AND EXISTS (SELECT FROM diagnosis_review WHERE record_id = NEW.id) THEN
        NEW.has_new_alarm := TRUE;
    END IF;
    NEW.is_reviewed := NOT NEW.has_new_alarm
        AND EXISTS (SELECT FROM diagnosis_review WHERE record_id = NEW.id AND is_final);
    RETURN NEW;
END $$;
"""
WARNED = """OR EXISTS (
                SELECT FROM diagnosis_assessment AS another
                WHERE another.record_id = NEW.id
                    AND (another.risk_category <> 'benign' OR another.uncertain)
            ) """
ANEW = """
UPDATE diagnosis_molerecord AS record SET danger = danger
WHERE state = 'unusable' AND EXISTS (
    SELECT FROM diagnosis_assessment AS another
    WHERE another.record_id = record.id
        AND (another.risk_category <> 'benign' OR another.uncertain)
);
"""


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0031_alarm_without_an_answer")]

    operations = [migrations.RunSQL(DERIVE % WARNED + ANEW, DERIVE % "" + ANEW)]
