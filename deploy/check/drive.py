"""What is done with the running services; the first failure ends it."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
import trustme

from deploy.check import operations
from deploy.check.services import (
    LOGS,
    VOLUMES,
    WORK,
    Program,
    Service,
    broker,
    database,
    port,
    prepare,
    proxy,
    say,
    until,
)
from deploy.check.site import PASSWORD, SITE, TRUST, Site, csrf, requests_meanwhile

PEOPLE = """
from accounts.models import User
from django.utils import timezone
for name in ("alice", "bob"):
    user = User.objects.create_user(f"{name}@example.org", "a long enough passphrase",
        consent_version="check", consented_at=timezone.now(), date_of_birth="1980-03-27")
    user.emailaddress_set.create(email=user.email, primary=True, verified=True)
"""


def everything(image: Path) -> None:
    shutil.rmtree(LOGS, ignore_errors=True)
    prepare()
    services: dict[str, Service] = {}
    make = Service("secrets", image)
    make.run()
    first = (VOLUMES / "app_secrets/secret_key").read_text()
    make.run()
    assert (VOLUMES / "app_secrets/secret_key").read_text() == first
    say("secrets are made, and kept by a second start")
    services |= {"db": database(), "redis": broker()}
    for service in services.values():
        service.start()
    port(5432), port(6379)
    migrate = Service("migrate", image)
    said = migrate.run()
    assert not re.search(r"WARNING|W\d{3}", said), said
    say("migrate: no warning in", len(said.splitlines()), "lines")
    services |= {name: Service(name, image) for name in ("web", "worker", "beat", "backup")}
    services["proxy"] = proxy()
    begun = time.monotonic()
    for name in ("web", "worker", "beat", "backup", "proxy"):
        services[name].start()
    site = Site()
    site.wait()
    say("web answers through the proxy", _seconds(begun))
    _first_administrator(image, site)
    Service("web", image).run("python", "manage.py", "shell", "-c", PEOPLE)
    site.sign_in()
    record = site.upload()
    site.wait_for([record])
    say("the main job:", site.record(record)["assessment"]["advice"])
    _pictures_are_private(site, record)
    _too_much(site)
    _restarts(site, services)
    _backup_and_restore(site, services, image)
    operations.lines(image)
    operations.new_keys(site, services, image)
    _four_ways(services)
    site.wait()
    _kills(site, services)
    for name in ("proxy", "beat", "worker", "web", "backup", "redis", "db"):
        say("stopped", name, f"in {services[name].stop():.1f} s")


def _first_administrator(image: Path, site: Site) -> None:
    """Without a mail server: by one command, and in by the page; a sign-up does not fail either."""
    operations.first_administrator(image)
    browser = requests.Session()
    browser.verify, browser.headers["Referer"] = TRUST, SITE
    page = browser.get(f"{SITE}/account/login/").text
    form = {
        "login": operations.ADMINISTRATOR,
        "password": PASSWORD,
        "csrfmiddlewaretoken": csrf(page),
    }
    answer = browser.post(f"{SITE}/account/login/", form, allow_redirects=False)
    assert answer.status_code == 302, answer
    assert "confirm" not in answer.headers["Location"]
    browser = requests.Session()
    browser.verify, browser.headers["Referer"] = TRUST, SITE
    form = {
        "email": "dana@example.org",
        "password1": PASSWORD,
        "password2": PASSWORD,
        "display_name": "Dana",
        "date_of_birth": "1990-05-17",
        "consent": "on",
        "csrfmiddlewaretoken": csrf(browser.get(f"{SITE}/account/signup/").text),
    }
    answer = browser.post(f"{SITE}/account/signup/", form, allow_redirects=False)
    assert answer.status_code == 302, answer
    health = site.get("/health/ready").json()
    assert health["mail"] == "no server", health
    say("the first administrator is in, and a sign-up waits for a mail server:", health)


def _pictures_are_private(site: Site, record: str) -> None:
    path = f"/api/v1/records/{record}/image/"
    answer = site.get(path)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.content[:2] == b"\xff\xd8"
    assert requests.get(SITE + path, verify=TRUST).status_code == 401
    [picture] = (VOLUMES / "media").rglob("*.jpg")
    name = picture.relative_to(VOLUMES / "media")
    for way in (f"/{name}", f"/protected/{name}", f"/media/{name}"):
        assert requests.get(SITE + way, verify=TRUST).status_code == 404
    assert requests.get(f"{SITE}/metrics", verify=TRUST).status_code == 404
    say("a picture comes by the proxy for its owner, and for nobody else")


def _too_much(site: Site) -> None:
    """By HTTP/2, as browsers do, and with curl's question whether it may be sent."""
    (WORK / "large").write_bytes(b"x" * 101_000_000)
    for version in ("--http2", "--http1.1"):
        said = subprocess.run(
            [
                *("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", version),
                *("--cacert", TRUST, "-H", f"Authorization: Token {site.token}"),
                *("-H", "Expect: 100-continue", "-F", f"image=@{WORK / 'large'}"),
                f"{SITE}/api/v1/records/",
            ],
            capture_output=True,
            text=True,
        ).stdout
        say("101 MB by", version, said)
        assert said == "413"
    (WORK / "large").unlink()


def _restarts(site: Site, services: dict[str, Service]) -> None:
    """docker compose restart web, three times; and what an upgrade does to it."""
    with requests_meanwhile(site) as given:
        for _round in range(3):
            time.sleep(2)
            took = services["web"].stop()
            services["web"].start()
            site.wait()
    good = {"200", "201"}
    bad = {key: count for key, count in given["answers"].items() if key not in good}
    say("three restarts of web:", dict(given["answers"]), f"longest {given['longest']:.1f} s,")
    say("  the last one stopped", f"in {took:.1f} s")
    assert not bad, bad
    site.wait_for(given["records"])
    say("  all", len(given["records"]), "uploads of that time are assessed")


def _kills(site: Site, services: dict[str, Service]) -> None:
    """Each is killed once, and started again two seconds later, as its policy says."""
    for name in ("worker", "beat", "backup", "redis", "web", "db", "proxy"):
        with requests_meanwhile(site) as given:
            time.sleep(1)
            services[name].kill()
            time.sleep(2)
            services[name].start()
            site.wait()
            time.sleep(1)
        site.wait_for(given["records"])
        say(f"{name} killed:", dict(given["answers"]), f"longest {given['longest']:.1f} s,")
        say("  all", len(given["records"]), "accepted uploads are assessed")


def _four_ways(services: dict[str, Service]) -> None:
    services["proxy"].stop()
    authority = trustme.CA()
    tls = WORK / "tls"
    tls.mkdir(exist_ok=True)
    issued = authority.issue_cert("mole.example.org", "localhost")
    (tls / "site.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(tls / "site.key")
    (tls / "ca.pem").write_bytes(authority.cert_pem.bytes())
    local = str(VOLUMES / "certificates/caddy/pki/authorities/local/root.crt")
    for way, trust in (("internal", local), ("files", str(tls / "ca.pem")), ("public", local)):
        with _running(proxy(TLS=way)):
            until(lambda trust=trust: requests.get(f"{SITE}/health/live", verify=trust))
            plain = requests.get("http://localhost/account/login/", allow_redirects=False)
            assert plain.headers["Location"].startswith(SITE), plain.headers
            say("TLS =", way, "answers, and plain HTTP leads there")
    for addresses, status in (("127.0.0.1", 200), ("10.0.0.7", 403)):
        with _running(proxy(TLS="proxy", PROXY_ADDRESSES=addresses)):
            answer = until(lambda: requests.get("http://localhost/account/login/"))
            assert answer.status_code == status, answer
            say("TLS = proxy from", addresses, "only:", answer.status_code, "for 127.0.0.1")
    services["proxy"].start()


@contextmanager
def _running(program: Program) -> Iterator[None]:
    program.start()
    try:
        yield
    finally:
        program.stop()


def _backup_and_restore(site: Site, services: dict[str, Service], image: Path) -> None:
    """Into new volumes, with the key alone kept."""
    site.wait()
    before = site.get("/api/v1/records/").json()["results"]
    said = Service("backup", image).run("python", "manage.py", "backup", "--keep", "14").strip()
    say("backup:", said.splitlines()[-1])
    file = max((VOLUMES / "backups").glob("*.age"))  # beside one of an earlier start
    manage = ("python", "manage.py", "restore", f"/backups/{file.name}")
    say("check:", Service("migrate", image).run(*manage, "--check").splitlines()[-1])
    for name in ("web", "worker", "beat", "backup", "db"):
        services[name].stop()
    shutil.move(VOLUMES / "database", WORK / "old-database")
    shutil.move(VOLUMES / "media", WORK / "old-media")
    (VOLUMES / "media").mkdir()
    os.chown(VOLUMES / "media", 1000, 1000)
    services["db"] = database()
    services["db"].start()
    port(5432)
    said = Service("migrate", image).run(*manage, "--owner", "/run/owner/database_url")
    say("restore:", said.splitlines()[-1])
    for name in ("web", "worker", "beat", "backup"):
        services[name].start()
    site.wait()
    assert site.get("/api/v1/records/").json()["results"] == before
    pictures = {
        path.relative_to(WORK / "old-media"): path.read_bytes()
        for path in (WORK / "old-media").rglob("*.jpg")
    }
    assert pictures == {
        path.relative_to(VOLUMES / "media"): path.read_bytes()
        for path in (VOLUMES / "media").rglob("*.jpg")
    }
    site.wait_for([site.upload()])
    say("the restored system has the same records and pictures, and takes new ones")
    for name in ("old-database", "old-media"):
        shutil.rmtree(WORK / name)


def _seconds(begun: float) -> str:
    return f"after {time.monotonic() - begun:.1f} s"
