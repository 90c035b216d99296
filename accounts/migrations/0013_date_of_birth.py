from django.db import migrations, models

import accounts.age


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0012_similar_cases"),
    ]

    operations = [
        migrations.AlterField(
            model_name="user",
            name="date_of_birth",
            field=models.DateField(
                blank=True,
                null=True,
                validators=[accounts.age.check_born],
                verbose_name="date of birth",
            ),
        ),
    ]
