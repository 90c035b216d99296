from django.db import migrations, models

# As in 0033, but a sign or what the camera page saw counts also where the check did not finish.
DERIVE = """
CREATE OR REPLACE FUNCTION diagnosis_record_derive() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    alarms text[] := diagnosis_record_alarms(NEW.signs, NEW.changes);
BEGIN
    NEW.danger := COALESCE((
        SELECT CASE
            WHEN risk_category = 'malignant_high_risk' THEN 4
            WHEN risk_category = 'malignant_low_risk' THEN 3
            WHEN NEW.phone_advice IN ('doctor_weeks', 'doctor_days') THEN 2
            WHEN risk_category = 'benign'
                AND (advice <> 'watch' OR cardinality(NEW.changes) > 0) THEN 2
            WHEN risk_category = 'benign' THEN 1
            WHEN cardinality(alarms) > 0 OR EXISTS (
                SELECT FROM diagnosis_assessment AS another
                WHERE another.record_id = NEW.id
                    AND (another.risk_category <> 'benign' OR another.uncertain)
            ) THEN 2
        END
        FROM diagnosis_assessment WHERE id = NEW.current_assessment_id
    ), %s0);
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

CREATE OR REPLACE TRIGGER record_derive
    BEFORE INSERT
    OR UPDATE OF current_assessment_id, danger, is_reviewed, changes, signs, has_new_alarm%s
    ON diagnosis_molerecord
    FOR EACH ROW EXECUTE FUNCTION diagnosis_record_derive();

UPDATE diagnosis_molerecord SET danger = danger WHERE state = 'failed';
"""
FAILED = """CASE
        WHEN NEW.state = 'failed' AND (
            cardinality(alarms) > 0 OR NEW.phone_advice IN ('doctor_weeks', 'doctor_days')
        ) THEN 2
    END, """


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0033_seen_by_the_camera")]

    operations = [
        migrations.RunSQL(DERIVE % (FAILED, ", state, phone_advice"), DERIVE % ("", "")),
        migrations.RemoveIndex(model_name="molerecord", name="record_review_queue"),
        migrations.AddIndex(
            model_name="molerecord",
            index=models.Index(
                condition=models.Q(
                    ("is_reviewed", False),
                    ("state__in", ["done", "failed", "unusable"]),
                    models.Q(("origin", "demo"), _negated=True),
                ),
                fields=["-danger", "created_at", "-id"],
                name="record_review_queue",
            ),
        ),
    ]
