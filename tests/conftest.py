"""Real PostgreSQL and Valkey for every test, in a folder of their own that goes with them."""

import contextlib
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
import psycopg2
import pytest

from skincare_site.run import embedded


def pytest_configure(config: pytest.Config) -> None:
    """Before pytest-django looks for the settings, which need the servers' addresses."""
    # A developer's own servers are not a place for tests: these flush and purge.
    for name in ("DATABASE_URL", "REDIS_URL", "DATABASE_URL_FILE", "REDIS_URL_FILE"):
        os.environ.pop(name, None)
    stack = contextlib.ExitStack()
    config.add_cleanup(stack.close)
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tests-")))
    (directory / "static").mkdir()
    if config.getoption("dist") != "no" and not hasattr(config, "workerinput"):
        # Each worker has servers of its own, and loads the settings once they are up. Started here,
        # too, so that PostgreSQL's user is not made by all of them at once.
        del os.environ["DJANGO_SETTINGS_MODULE"]
        with embedded.servers(directory):
            return
    os.environ |= embedded.local_environment(directory) | {"STATIC_ROOT": str(directory / "static")}
    _, environment = stack.enter_context(embedded.servers(directory))
    os.environ |= environment
    _do_not_wait_for_the_disk(os.environ["DATABASE_URL"])
    os.environ["DJANGO_SETTINGS_MODULE"] = "skincare_site.settings"
    django.setup()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: one process would be left alone with one for minutes at the end."""
    longest = ("test_whole_chain.py", "test_roles_walk.py", "test_hostile_parameters.py")
    items.sort(key=lambda item: (*longest, item.path.name).index(item.path.name))


def _do_not_wait_for_the_disk(url: str) -> None:
    """What a test's database holds need not outlive a power failure."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with contextlib.closing(connection), connection.cursor() as cursor:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            cursor.execute(f"ALTER SYSTEM SET {setting} = off")
        cursor.execute("SELECT pg_reload_conf()")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker) -> Iterator[None]:
    """Tests that commit empty all tables at their end, which the audit log refuses by itself."""
    from django.db import connection

    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE auditlog_logentry DISABLE TRIGGER auditlog_no_truncate")
    yield
    # A database that a live server's thread or a program still reads can't be dropped.
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(autouse=True)
def fresh_site(settings, tmp_path: Path) -> Iterator[None]:
    """Each test has its own pictures, and neither rate limit nor language of an earlier one."""
    from django.core.cache import cache
    from django.utils import translation

    settings.MEDIA_ROOT = settings.SENDFILE_ROOT = str(tmp_path / "media")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Straight from the source folders: nothing has to be collected first.
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    cache.clear()
    translation.deactivate()  # a request in French leaves it on
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def second_step() -> Iterator[None]:
    """Who is signed in by force has passed the second step, as the pages would have asked."""
    from allauth.account.internal.flows.login import record_authentication
    from django.contrib.auth.signals import user_logged_in

    def pass_it(request, user, **_) -> None:
        if "REMOTE_ADDR" not in request.META:  # that of force_login
            factor = user.authenticator_set.exclude(type="recovery_codes").first()
            record_authentication(request, user, "mfa", id=factor.pk if factor else 0, type="totp")

    user_logged_in.connect(pass_it)
    yield
    user_logged_in.disconnect(pass_it)


@pytest.fixture
def process_environment(transactional_db, settings) -> dict[str, str]:
    """For a program that a test starts: the same servers, the test's database and pictures."""
    from django.db import connection

    database = connection.settings_dict["NAME"]
    url = os.environ["DATABASE_URL"].replace("/postgres?", f"/{database}?")
    return os.environ | {"DATABASE_URL": url, "MEDIA_ROOT": settings.MEDIA_ROOT}


@pytest.fixture
def alice(db):
    return _person("alice")


@pytest.fixture
def bob(db):
    return _person("bob")


@pytest.fixture
def dr_chen(db):
    return _person("dr_chen", role="doctor", is_staff=True)


@pytest.fixture
def dr_okafor(db):
    return _person("dr_okafor", role="doctor", is_staff=True)


@pytest.fixture
def frank(db):
    return _person("frank", role="administrator", is_staff=True)


@pytest.fixture
def signed_in(client, alice):
    """Alice's browser."""
    client.force_login(alice)
    return client


@pytest.fixture
def confirmed(signed_in):
    """The same, where she has just given her password again."""
    from django.urls import reverse

    from tests.factories import PASSWORD

    signed_in.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    return signed_in


@pytest.fixture
def program(alice):
    """A program of alice's, which speaks to the API."""
    from tests.factories import program_of

    return program_of(alice)


@pytest.fixture
def admin_user(db):
    """pytest-django's superuser, with the second factor that staff need."""
    return _person("root", role="administrator", is_staff=True, is_superuser=True)


def _person(name: str, **fields):
    from tests.factories import UserFactory  # needs Django set up

    return UserFactory(display_name=name, **fields)


@pytest.fixture
def unused_tcp_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]
