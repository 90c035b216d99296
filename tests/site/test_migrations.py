"""The version before runs on the newer database: while an upgrade starts, and after a rollback."""

import pytest
from django_migration_linter import MigrationLinter

# Up to these, migrations did not keep to it.
EARLIER = {"accounts": "0011", "audit": "0002", "diagnosis": "0022"}


@pytest.fixture
def linter(db) -> MigrationLinter:
    return MigrationLinter(no_cache=True, analyser_string="postgresql")


def test_each_new_migration_leaves_what_the_version_before_needs(
    linter: MigrationLinter, capsys: pytest.CaptureFixture
) -> None:
    """No column is dropped, renamed, or filled by the new version alone (CONTRIBUTING.md)."""
    new = [
        migration
        for (app, name), migration in linter.migration_loader.disk_migrations.items()
        if app in EARLIER and name[:4] > EARLIER[app]
    ]
    for migration in new:
        linter.lint_migration(migration)
    assert linter.nb_total == len(new) > 0
    assert not linter.has_errors, capsys.readouterr().out


@pytest.mark.parametrize("name", ["0012_origin", "0017_assessment_used"])
def test_one_that_drops_or_demands_a_column_is_found(linter: MigrationLinter, name: str) -> None:
    linter.lint_migration(linter.migration_loader.disk_migrations["diagnosis", name])
    assert linter.has_errors
