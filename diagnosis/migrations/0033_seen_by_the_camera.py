from django.db import migrations

# As in 0032, but where the camera page wanted a doctor, a record is at least to be seen by one.
DERIVE = """
CREATE OR REPLACE FUNCTION diagnosis_record_derive() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    alarms text[] := diagnosis_record_alarms(NEW.signs, NEW.changes);
BEGIN
    NEW.danger := COALESCE((
        SELECT CASE
            WHEN risk_category = 'malignant_high_risk' THEN 4
            WHEN risk_category = 'malignant_low_risk' THEN 3
            %sWHEN risk_category = 'benign'
                AND (advice <> 'watch' OR cardinality(NEW.changes) > 0) THEN 2
            WHEN risk_category = 'benign' THEN 1
            WHEN cardinality(alarms) > 0 OR EXISTS (
                SELECT FROM diagnosis_assessment AS another
                WHERE another.record_id = NEW.id
                    AND (another.risk_category <> 'benign' OR another.uncertain)
            ) THEN 2
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
SEEN = """WHEN NEW.phone_advice IN ('doctor_weeks', 'doctor_days') THEN 2
            """
ANEW = """
UPDATE diagnosis_molerecord SET danger = danger
WHERE state IN ('done', 'unusable') AND phone_advice IN ('doctor_weeks', 'doctor_days');
"""


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0032_warned_before")]

    operations = [migrations.RunSQL(DERIVE % SEEN + ANEW, DERIVE % "" + ANEW)]
