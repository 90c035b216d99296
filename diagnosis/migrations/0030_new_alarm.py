from django.conf import settings
from django.db import migrations, models

# As in 0022, but what a sign or change that needs a doctor brings up after a verdict is not
# reviewed. Here, so that of a verdict and a sign at once neither is lost.
DERIVE = """
CREATE FUNCTION diagnosis_record_alarms(signs varchar[], changes varchar[]) RETURNS text[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT changes::text[] || ARRAY(
        SELECT unnest(signs::text[])
        INTERSECT SELECT unnest(ARRAY['bleeding', 'changing', 'growing', 'not_healing'])
    )
$$;

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

CREATE OR REPLACE FUNCTION diagnosis_record_derive_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'diagnosis_review' THEN
        UPDATE diagnosis_molerecord
        SET has_new_alarm = has_new_alarm AND NOT COALESCE(NEW.is_final, FALSE)
        WHERE id = COALESCE(NEW.record_id, OLD.record_id);
    ELSE
        UPDATE diagnosis_molerecord SET danger = danger WHERE current_assessment_id = NEW.id;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER record_derive
    BEFORE INSERT
    OR UPDATE OF current_assessment_id, danger, is_reviewed, changes, signs, has_new_alarm
    ON diagnosis_molerecord
    FOR EACH ROW EXECUTE FUNCTION diagnosis_record_derive();
"""
DERIVE_WITHOUT = """
CREATE OR REPLACE TRIGGER record_derive
    BEFORE INSERT OR UPDATE OF current_assessment_id, danger, is_reviewed, changes
    ON diagnosis_molerecord
    FOR EACH ROW EXECUTE FUNCTION diagnosis_record_derive();

CREATE OR REPLACE FUNCTION diagnosis_record_derive() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.danger := COALESCE((
        SELECT CASE
            WHEN risk_category = 'malignant_high_risk' THEN 4
            WHEN risk_category = 'malignant_low_risk' THEN 3
            WHEN risk_category = 'benign'
                AND (advice <> 'watch' OR cardinality(NEW.changes) > 0) THEN 2
            WHEN risk_category = 'benign' THEN 1
        END
        FROM diagnosis_assessment WHERE id = NEW.current_assessment_id
    ), 0);
    NEW.is_reviewed := EXISTS (
        SELECT FROM diagnosis_review WHERE record_id = NEW.id AND is_final
    );
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION diagnosis_record_derive_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'diagnosis_review' THEN
        UPDATE diagnosis_molerecord SET is_reviewed = is_reviewed
        WHERE id = COALESCE(NEW.record_id, OLD.record_id);
    ELSE
        UPDATE diagnosis_molerecord SET danger = danger WHERE current_assessment_id = NEW.id;
    END IF;
    RETURN NULL;
END $$;

DROP FUNCTION diagnosis_record_alarms(varchar[], varchar[]);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("diagnosis", "0029_subscriptions_anew"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(model_name="molerecord", name="record_review_queue"),
        migrations.AddField(
            model_name="molerecord",
            name="has_new_alarm",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddIndex(
            model_name="molerecord",
            index=models.Index(
                condition=models.Q(
                    ("is_reviewed", False),
                    ("state__in", ["done", "unusable"]),
                    models.Q(("origin", "demo"), _negated=True),
                ),
                fields=["-danger", "created_at", "-id"],
                name="record_review_queue",
            ),
        ),
        migrations.RunSQL(DERIVE, DERIVE_WITHOUT),
        migrations.AlterModelOptions(
            name="review",
            options={
                "ordering": ["-news_since"],
                "verbose_name": "review",
                "verbose_name_plural": "reviews",
            },
        ),
    ]
