"""What can't be judged any more is as urgent as the most urgent word on it was.

Of another version of the program or of the camera page: only another look at it takes that back.
"""

from importlib import import_module

from django.db import migrations

DERIVE = """
CREATE OR REPLACE FUNCTION diagnosis_record_derive() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    alarms text[] := diagnosis_record_alarms(NEW.signs, NEW.changes);
    told integer := GREATEST(
        CASE WHEN cardinality(alarms) > 0 THEN 2 END,
        CASE NEW.phone_advice WHEN 'doctor_days' THEN 4 WHEN 'doctor_weeks' THEN 2 END
    );
BEGIN
    NEW.danger := COALESCE((
        SELECT CASE
            WHEN risk_category = 'malignant_high_risk' THEN 4
            WHEN risk_category = 'malignant_low_risk' THEN 3
            WHEN risk_category = 'benign' AND (advice <> 'watch' OR told IS NOT NULL) THEN 2
            WHEN risk_category = 'benign' THEN 1
            ELSE GREATEST(told, (
                SELECT MAX(CASE another.risk_category
                    WHEN 'malignant_high_risk' THEN 4
                    WHEN 'malignant_low_risk' THEN 3
                    WHEN 'benign' THEN CASE WHEN another.uncertain THEN 2 END
                END)
                FROM diagnosis_assessment AS another WHERE another.record_id = NEW.id
            ))
        END
        FROM diagnosis_assessment WHERE id = NEW.current_assessment_id
    ), CASE WHEN NEW.state = 'failed' THEN told END, 0);
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
ANEW = """
UPDATE diagnosis_molerecord SET danger = danger
WHERE state IN ('failed', 'unusable') AND danger > 0;
"""
before = import_module("diagnosis.migrations.0034_alarm_of_a_failed_check")
DERIVE_AS_BEFORE = before.DERIVE % (before.FAILED, ", state, phone_advice")


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0038_ended_waits")]

    operations = [migrations.RunSQL(DERIVE + ANEW, DERIVE_AS_BEFORE + ANEW)]
