from django.db import migrations, models

# As in 0030, but a sign that needs a doctor counts also where no picture can be used.
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
            %s
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
ALARMED = "WHEN cardinality(alarms) > 0 THEN 2"
ANEW = """
UPDATE diagnosis_molerecord SET danger = danger
WHERE state = 'unusable' AND cardinality(diagnosis_record_alarms(signs, changes)) > 0;
"""


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0030_new_alarm")]

    operations = [
        migrations.RunSQL(DERIVE % ALARMED + ANEW, DERIVE % "" + ANEW),
        migrations.AlterField(
            model_name="molerecord",
            name="danger",
            field=models.PositiveSmallIntegerField(
                choices=[
                    (0, "not assessed"),
                    (1, "benign"),
                    (2, "to be seen by a doctor"),
                    (3, "malignant, low risk"),
                    (4, "malignant, high risk"),
                ],
                default=0,
                editable=False,
                verbose_name="danger",
            ),
        ),
    ]
