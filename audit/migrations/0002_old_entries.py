"""Old entries of the audit log may go, by one door: a function that runs as its owner.

The service's role may call it and still deletes nothing by itself. Nobody deletes an entry that is
younger than a year, not even by that function: the trigger refuses it, and a compromised service
can't hide what it did.
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
    {exception}
    RAISE EXCEPTION 'The audit log is append-only: % is refused.', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;
"""

OLD_ONES = """
    IF TG_OP = 'DELETE' AND OLD.timestamp < now() - interval '365 days' THEN
        RETURN OLD;
    END IF;
"""

REMOVE = """
CREATE FUNCTION auditlog_remove_older_than(days integer, most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH removed AS (
        DELETE FROM auditlog_logentry WHERE id IN (
            SELECT id FROM auditlog_logentry
            WHERE timestamp < now() - make_interval(days => days) ORDER BY timestamp LIMIT most
        ) RETURNING 1
    )
    SELECT count(*) FROM removed
$$;
REVOKE ALL ON FUNCTION auditlog_remove_older_than FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_append_only")]
    operations = [
        migrations.RunSQL(
            APPEND_ONLY.replace("{exception}", OLD_ONES), APPEND_ONLY.replace("{exception}", "")
        ),
        migrations.RunSQL(REMOVE, "DROP FUNCTION auditlog_remove_older_than"),
    ]
