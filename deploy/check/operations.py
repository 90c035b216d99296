"""Lines of docs/operations.md that an administrator types, where the rest of the check does not."""

import fcntl
import os
import pty
import re
import shlex
import subprocess
import termios
from pathlib import Path

import psycopg2
import requests

from deploy.check.services import LOGS, OURS, ROOT, VOLUMES, Service, port, say
from deploy.check.site import PASSWORD, SITE, TRUST, Site, csrf
from skincare_site.make_secrets import ROTATED

ADMINISTRATOR = "you@example.org"  # as the page calls it
PAGE = (ROOT / "docs/operations.md").read_text()


def first_administrator(image: Path) -> None:
    """createsuperuser asks, and one answers."""
    command = _line("web python manage.py createsuperuser")
    _typed(Service("web", image), command, [ADMINISTRATOR, PASSWORD, PASSWORD])
    _typed(
        Service("web", image), _line("web python manage.py changepassword"), [PASSWORD, PASSWORD]
    )
    say("createsuperuser and changepassword ask, and take the answers")


def lines(image: Path) -> None:
    """Those whose output says whether they work."""
    for service, command, word in (
        ("secrets", ["tar", "-c", "-C", "/secrets", "."], "owner/backup_key"),
        ("backup", ["ls", "-l", "/backups"], ".tar.gz.age"),
        ("web", _line("web python manage.py shell"), ""),
    ):
        said = Service(service, image).run(*command)
        assert word in said, said
        say("typed:", *command[:4], "…")
    email = VOLUMES / "app_secrets/email_url"
    for address, word in (("smtp://127.0.0.1:9", "The mail server"), ("", "No mail server")):
        email.write_text(address)
        worker = Service("worker", image)
        before = worker.log_size()
        sending = worker.start(*_line("worker python manage.py sendtestemail"))
        assert sending.wait(60) == 1
        said = (LOGS / "worker.log").read_text()[before:]
        assert f"CommandError: {word}" in said, said
        say("sendtestemail:", word)


def new_keys(site: Site, services: dict[str, Service], image: Path) -> None:
    """Each is made new; then all start again. Who is signed in stays so."""
    browser = requests.Session()
    browser.verify, browser.headers["Referer"] = TRUST, SITE
    form = {"login": "bob@example.org", "password": PASSWORD}
    form["csrfmiddlewaretoken"] = csrf(browser.get(f"{SITE}/account/login/").text)
    browser.post(f"{SITE}/account/login/", form)
    assert browser.get(f"{SITE}/account/email/").url == f"{SITE}/account/email/"
    password = VOLUMES / "owner_secrets/service_password"
    before = password.read_text()
    make = Service("secrets", image)
    for name in ROTATED:
        make.run(*make.says["entrypoint"], "--rotate", name)
    assert password.read_text() != before
    for name in (*OURS, "redis", "db"):
        services[name].stop()
    for name in ("db", "redis"):
        services[name].start()
    port(5432), port(6379)
    make.run()
    Service("migrate", image).run()
    for name in OURS:
        services[name].start()
    site.wait()
    site.wait_for([site.upload()])
    assert browser.get(f"{SITE}/account/email/").url == f"{SITE}/account/email/"
    try:
        psycopg2.connect(f"postgresql://service:{before}@127.0.0.1/skincare")
    except psycopg2.OperationalError:
        say("new keys: who was signed in stays so, and the earlier password opens nothing")
    else:
        raise AssertionError("The earlier password still opens the database.")


def _line(beginning: str) -> list[str]:
    """The words after the service of the page's `docker compose run … beginning …`."""
    found = re.search(rf"docker compose run --rm ({re.escape(beginning)}[^`\n]*)", PAGE)
    return shlex.split(found[1])[1:]


def _typed(service: Service, command: list[str], answers: list[str]) -> None:
    """At a terminal, each answer after its question."""
    here, there = pty.openpty()
    process = subprocess.Popen(
        service.command(*command),
        stdin=there,
        stdout=there,
        stderr=there,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        env={"PATH": os.environ["PATH"]},
    )
    os.close(there)
    said = ""
    for answer in answers:
        asked = ""
        while not asked.endswith(": "):
            try:
                asked += os.read(here, 1000).decode()
            except OSError:
                raise RuntimeError(f"{said}{asked}\nIt did not ask.") from None
        os.write(here, f"{answer}\n".encode())
        said += asked
    assert process.wait(60) == 0, said
    os.close(here)
