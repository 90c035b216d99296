"""docs/operations.md: its tables are those of the code, and what it names is there."""

import re

import yaml

from skincare_site import settings_table

TEXT = settings_table.PAGE.read_text()


def test_its_tables_are_those_of_the_code() -> None:
    """Else: python -m skincare_site.settings_table."""
    assert settings_table.page() == TEXT


def test_each_setting_is_explained() -> None:
    rows = [*settings_table.of_compose(), *settings_table.of_the_service()]
    assert len(rows) > 30
    assert [name for name, _value, said in rows if not said] == []


def test_the_files_that_it_names_exist() -> None:
    named = set(re.findall(r"\]\((?!http|#)([^)#]+)", TEXT))
    assert named
    assert [name for name in named if not (settings_table.PAGE.parent / name).exists()] == []


def test_an_upgrade_migrates_while_the_version_before_still_answers() -> None:
    """`up` stops what is to be replaced before it starts what that waits for."""
    upgrade = TEXT.partition("## Upgrade and rollback")[2].partition("\n\nEach release")[0]
    assert 0 < upgrade.find("docker compose run --rm migrate\n") < upgrade.find("up -d\n")


def test_an_upgrade_brings_the_fixes_of_others_images() -> None:
    """Else Docker builds on those, and starts those, that it once fetched."""
    upgrade = TEXT.partition("## Upgrade and rollback")[2].partition("\n\nEach release")[0]
    for line in ("docker compose build --pull ", "docker compose pull --ignore-buildable\n"):
        assert 0 < upgrade.find(line) < upgrade.find("docker compose run --rm migrate\n")


def test_each_setting_that_services_read_from_a_file_is_told_to_need_a_recreation() -> None:
    """Compose sees a change of such a one in the service `secrets` alone."""
    compose = yaml.safe_load((settings_table.ROOT / "docker-compose.yml").read_text())
    said = re.search(r"After a change of (.+) it is `docker compose up -d --force", TEXT)[1]
    # Not the owner's password and the next PostgreSQL, which have parts of their own.
    named = set(compose["services"]["secrets"]["environment"]) - {
        *("DOMAIN", "TLS", "POSTGRES_PASSWORD", "POSTGRES_MAJOR")
    }
    assert {name for name in named if not name.startswith("BACKUP_")} <= set(
        re.findall(r"`(\w+)`", said)
    )
