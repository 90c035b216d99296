"""The audit log only grows, whoever writes.

The one change that is let through: a deleted account leaves its entries, which lose the link to
it and keep the pseudonym beside it. "OR REPLACE", since accounts/0005 made these once.
"""

from django.db import migrations

APPEND_ONLY = """
CREATE OR REPLACE FUNCTION auditlog_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE OR REPLACE TRIGGER auditlog_no_change BEFORE UPDATE OR DELETE ON auditlog_logentry
    FOR EACH ROW EXECUTE FUNCTION auditlog_append_only();
CREATE OR REPLACE TRIGGER auditlog_no_truncate BEFORE TRUNCATE ON auditlog_logentry
    FOR EACH STATEMENT EXECUTE FUNCTION auditlog_append_only();
"""

CHANGEABLE = """
DROP TRIGGER auditlog_no_truncate ON auditlog_logentry;
DROP TRIGGER auditlog_no_change ON auditlog_logentry;
DROP FUNCTION auditlog_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_append_only_audit_log"),
        ("auditlog", "0017_add_actor_email"),
    ]
    operations = [migrations.RunSQL(APPEND_ONLY, CHANGEABLE)]
