"""The audit log names no deleted person. That it only grows is by now audit/0001."""

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


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_teaching_consent"),
        ("auditlog", "0017_add_actor_email"),
    ]
    operations = [
        migrations.RunSQL(NEUTRAL, migrations.RunSQL.noop),
    ]
