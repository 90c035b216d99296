"""Verdicts and reminders are written to the outbox at once, so that no worker claims them.

The columns stay in the database, for the version before this one may run beside it, or come back;
to that one, what this one writes has been told.
"""

from django.db import migrations

TOLD = "ALTER TABLE diagnosis_review ALTER COLUMN notified_at SET DEFAULT now()"
NOT_TOLD = "ALTER TABLE diagnosis_review ALTER COLUMN notified_at DROP DEFAULT"


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0022_second_opinion")]
    operations = [
        migrations.RunSQL(TOLD, NOT_TOLD),
        migrations.RemoveIndex(model_name="review", name="review_to_be_told"),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveField(model_name="review", name="notified_at"),
                migrations.RemoveField(model_name="review", name="mail_claimed_until"),
                migrations.RemoveField(model_name="mole", name="mail_claimed_until"),
            ]
        ),
    ]
