"""From an earlier image to this one and back, under requests; then PostgreSQL's next major version.

As docs/operations.md says.
"""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from deploy.check.drive import PEOPLE
from deploy.check.services import (
    CADDYFILE,
    OURS,
    VOLUMES,
    Service,
    broker,
    database,
    port,
    prepare,
    proxy,
    reload,
    say,
)
from deploy.check.site import Site, requests_meanwhile

EARLIER_MAJOR = 16


def there_and_back(image: Path, earlier: Path, files: Path) -> None:
    """``files`` are those of the earlier commit: its compose file and its Caddyfile count, too."""
    compose = yaml.safe_load((files / "docker-compose.yml").read_text())

    def old(name: str) -> Service:
        return Service(name, earlier, compose)

    def new(name: str) -> Service:
        return Service(name, image)

    prepare()
    old("secrets").run()
    services: dict[str, Service] = {"db": database(EARLIER_MAJOR), "redis": broker()}
    for service in services.values():
        service.start()
    port(5432), port(6379)
    old("migrate").run()
    services |= {name: old(name) for name in OURS}
    services["proxy"] = proxy(files / "deploy/Caddyfile")
    for name in (*OURS, "proxy"):
        services[name].start()
    site = Site()
    site.wait()
    old("web").run("python", "manage.py", "shell", "-c", PEOPLE)
    site.sign_in()
    first = [site.upload() for _ in range(3)]
    site.wait_for(first)
    say("the earlier image runs, with", len(first), "records")
    old("backup").run("python", "manage.py", "backup")
    _recreate(site, services, new, CADDYFILE, first, "upgraded")
    _recreate(site, services, old, files / "deploy/Caddyfile", first, "back")
    _next_major(site, services, old, new, first)
    for name in ("proxy", *OURS, "redis", "db"):
        services[name].stop()


def _recreate(
    site: Site,
    services: dict[str, Service],
    made: Callable[[str], Service],
    caddyfile: Path,
    first: list[str],
    what: str,
) -> None:
    """docker compose run --rm migrate, up -d with another image, and caddy reload."""
    before = {key: _seen(site, key) for key in first}
    with requests_meanwhile(site) as given:
        time.sleep(3)
        made("secrets").run()
        said = made("migrate").run()
        for name in reversed(OURS):
            services[name].stop()
        # Compose starts them only once all earlier ones are stopped.
        for name in ("secrets", "migrate"):
            made(name).run()
        for name in OURS:
            services[name] = made(name)
            services[name].start()
        site.wait()
        reload(services["proxy"], caddyfile)
        time.sleep(5)
    bad = {key: count for key, count in given["answers"].items() if key not in ("200", "201")}
    migrations = said.count("  Applying ")
    say(f"{what}: {migrations} migrations,", dict(given["answers"]))
    say(f"  longest {given['longest']:.1f} s")
    assert not bad, bad
    site.wait_for(given["records"])
    say("  all", len(given["records"]), "uploads of that time are assessed")
    assert {key: _seen(site, key) for key in first} == before
    pictures = len(list((VOLUMES / "media").rglob("*.jpg")))
    say("  the", len(first), "earlier records and pictures are the same, of", pictures)
    first += given["records"]


def _next_major(
    site: Site,
    services: dict[str, Service],
    old: Callable[[str], Service],
    new: Callable[[str], Service],
    first: list[str],
) -> None:
    """The backup of the earlier image into this one's, and into another version's folder."""
    before = {key: _seen(site, key) for key in first}
    for earlier in (VOLUMES / "backups").glob("*.age"):
        earlier.unlink()
    old("backup").run("python", "manage.py", "backup")
    [file] = (VOLUMES / "backups").glob("*.age")
    for name in ("proxy", *OURS, "redis", "db"):
        services[name].stop()
    pictures = VOLUMES / "media"
    shutil.move(pictures, VOLUMES / "old-media")
    pictures.mkdir()
    os.chown(pictures, 1000, 1000)
    services["db"] = database()
    for name in ("db", "redis"):
        services[name].start()
    port(5432), port(6379)
    owner = ("--owner", "/run/owner/database_url")
    restored = new("migrate").run("python", "manage.py", "restore", *owner, f"/backups/{file.name}")
    new("migrate").run()
    services |= {name: new(name) for name in OURS}
    for name in (*OURS, "proxy"):
        services[name].start()
    site.wait()
    assert {key: _seen(site, key) for key in first} == before
    say(f"PostgreSQL {EARLIER_MAJOR} to the next:", restored.splitlines()[-1])
    site.wait_for([site.upload()])
    say("  the", len(first), "records and pictures are the same, and a new one is taken")


def _seen(site: Site, key: str) -> tuple:
    """What both versions say of a record, and its picture."""
    record = site.record(key)
    assessment = {
        name: record["assessment"][name] for name in ("risk_category", "advice", "model_version")
    }
    return (
        record["state"],
        record["created_at"],
        assessment,
        site.get(f"/api/v1/records/{key}/image/").content,
    )
