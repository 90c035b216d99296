"""An earlier image runs on the newer database: while an upgrade is under way, and after a way back.

`make image-check` tries it with two images; here each new migration is looked at.
"""

from django.db import migrations
from django.db.migrations.loader import MigrationLoader
from django.db.models import NOT_PROVIDED, Field

# The last ones of before the promise was made.
SINCE = {"accounts": "0011", "audit": "0002", "diagnosis": "0020"}
TAKEN_AWAY = (
    migrations.DeleteModel,
    migrations.RemoveField,
    migrations.RenameField,
    migrations.RenameModel,
    migrations.AlterModelTable,
)


def test_no_migration_takes_away_what_an_earlier_image_uses() -> None:
    loader = MigrationLoader(None, ignore_no_migrations=True)
    new = {
        key: migration
        for key, migration in loader.disk_migrations.items()
        if key[0] in SINCE and key[1][:4] > SINCE[key[0]]
    }
    assert new
    wrong = [
        (*key, operation.describe())
        for key, migration in new.items()
        for operation in migration.operations
        if breaks(operation)
    ]
    # A field that an earlier image does not know needs null or db_default. What has to go, goes a
    # release after the last image that used it.
    assert wrong == []


def breaks(operation: migrations.operations.base.Operation) -> bool:
    if isinstance(operation, migrations.AddField):
        return needs_a_value(operation.field)
    return isinstance(operation, TAKEN_AWAY)


def needs_a_value(field: Field) -> bool:
    return not (
        field.null
        or field.many_to_many
        or field.generated
        or getattr(field, "db_default", NOT_PROVIDED) is not NOT_PROVIDED
    )
