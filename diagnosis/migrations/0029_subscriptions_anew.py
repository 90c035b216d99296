"""All browsers turn notifications on again, as they do at the update by signing in again.

Else one whose session had run out before could not be told, at a later sign-in, to end with it.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0028_push_subscriptions")]

    operations = [
        migrations.RunSQL("DELETE FROM diagnosis_pushsubscription", migrations.RunSQL.noop)
    ]
