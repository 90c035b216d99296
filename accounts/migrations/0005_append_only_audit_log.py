"""The audit log only grows, whoever writes; and it names no deleted person.

The one change that is let through: a deleted account leaves its entries, which lose the link to
it and keep the pseudonym beside it.
"""

from django.db import migrations

NEUTRAL = """
UPDATE auditlog_logentry SET actor_email = 'P-' || left(actor_id::text, 8)
WHERE actor_id IS NOT NULL;
UPDATE auditlog_logentry SET actor_email = NULL WHERE actor_id IS NULL AND actor_email LIKE '%@%';
UPDATE auditlog_logentry SET object_repr = 'P-' || left(object_pk, 8)
WHERE content_type_id = (
    SELECT id FROM django_content_type WHERE app_label = 'accounts' AND model = 'user'
);
"""

APPEND_ONLY = """
CREATE FUNCTION auditlog_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        OLD.actor_id := NULL;
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'The audit log is append-only: % is refused.', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER auditlog_no_change BEFORE UPDATE OR DELETE ON auditlog_logentry
    FOR EACH ROW EXECUTE FUNCTION auditlog_append_only();
CREATE TRIGGER auditlog_no_truncate BEFORE TRUNCATE ON auditlog_logentry
    FOR EACH STATEMENT EXECUTE FUNCTION auditlog_append_only();
"""

CHANGEABLE = """
DROP TRIGGER auditlog_no_truncate ON auditlog_logentry;
DROP TRIGGER auditlog_no_change ON auditlog_logentry;
DROP FUNCTION auditlog_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_teaching_consent"),
        ("auditlog", "0017_add_actor_email"),
    ]
    operations = [
        migrations.RunSQL(NEUTRAL, migrations.RunSQL.noop),
        migrations.RunSQL(APPEND_ONLY, CHANGEABLE),
    ]
