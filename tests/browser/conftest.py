"""A real Chromium against the real site, its database and, where asked for, a real worker."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

# Playwright's loop runs in this thread, and the ORM would refuse to; nothing here is asynchronous.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

# A page that is right late is right: how soon belongs in benchmarks/.
expect.set_options(timeout=30_000)

PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 900}


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    """The machine's own Chromium where there is one, else Playwright's."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    return browser_type_launch_args | {
        "executable_path": chromium,
        "args": ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    }


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict) -> dict:
    return browser_context_args | {"viewport": PHONE, "locale": "en-GB", "timezone_id": "UTC"}


def end_routes(context: BrowserContext) -> None:
    """Else a handler that still fetches as the context is closed fails the test that comes next."""
    for routed in (context, *context.pages):
        routed.unroute_all(behavior="ignoreErrors")


@pytest.fixture
def context(context: BrowserContext) -> Iterator[BrowserContext]:
    yield context
    end_routes(context)


class Requests:
    """Those of the live server that are under way: a page that was closed still has an answer."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()

    def started(self, **_) -> None:
        self._add(1)

    def finished(self, **_) -> None:
        self._add(-1)

    def _add(self, count: int) -> None:
        # The test's own client asks in the main thread, the server answers in others.
        if threading.current_thread() is not threading.main_thread():
            with self._changed:
                self._count += count
                self._changed.notify_all()

    def wait(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._count == 0, timeout=60), (
                f"{self._count} requests are not answered a minute after their pages were closed"
            )


@pytest.fixture(scope="session")
def requests() -> Iterator[Requests]:
    from django.core.signals import request_finished, request_started

    requests = Requests()
    request_started.connect(requests.started)
    request_finished.connect(requests.finished)
    yield requests
    request_started.disconnect(requests.started)
    request_finished.disconnect(requests.finished)


@pytest.fixture(scope="session")
def live_server(django_db_setup, requests: Requests) -> Iterator[LiveServer]:
    """pytest-django's, with the static files straight from the source folders."""
    from django.contrib.staticfiles.handlers import StaticFilesHandler

    server = LiveServer("localhost", start=False)
    server.thread.static_handler = StaticFilesHandler
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def base_url(live_server) -> str:
    return live_server.url


@pytest.fixture(autouse=True)
def committed(transactional_db, fresh_site, requests: Requests) -> Iterator[None]:
    """The server has a connection of its own: it sees what is committed.

    Neither tables nor settings go from under a request that is not answered yet.
    """
    yield
    requests.wait()


@pytest.fixture
def log_in(base_url: str) -> Callable:
    """log_in(context, user): as if the person had signed in, without the page for it.

    Each time anew: the answer to a request of a session that is gone would take the cookie away.
    """

    def by_cookie(context: BrowserContext, user) -> None:
        client = Client()
        client.force_login(user)
        session = client.cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": base_url}])

    return by_cookie


@pytest.fixture
def upload_page(page: Page, alice, log_in) -> Page:
    log_in(page.context, alice)
    page.goto("/records/new/")
    return page
