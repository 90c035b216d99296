"""From an earlier image to this one, and back, as docs/operations.md says, under requests."""

import time
from collections.abc import Callable
from pathlib import Path

import yaml

from deploy.check.drive import PEOPLE
from deploy.check.services import (
    CADDYFILE,
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

# Those of the image, in the order in which they are recreated here; Compose does it at once.
OURS = ("web", "worker", "beat", "backup")


def there_and_back(image: Path, earlier: Path, files: Path) -> None:
    """``files`` are those of the earlier commit: its compose file and its Caddyfile count, too."""
    compose = yaml.safe_load((files / "docker-compose.yml").read_text())

    def old(name: str) -> Service:
        return Service(name, earlier, compose)

    def new(name: str) -> Service:
        return Service(name, image)

    prepare()
    old("secrets").run()
    services: dict[str, Service] = {"db": database(), "redis": broker()}
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
    """docker compose up -d with another image, and caddy reload."""
    before = {key: _seen(site, key) for key in first}
    with requests_meanwhile(site) as given:
        time.sleep(3)
        made("secrets").run()
        said = made("migrate").run()
        for name in OURS:
            services[name].stop()
            services[name] = made(name)
            services[name].start()
        site.wait()
        reload(services["proxy"], caddyfile)
        time.sleep(5)
    bad = {key: count for key, count in given["answers"].items() if key not in ("200", "201")}
    migrations = said.count("... OK")
    say(f"{what}: {migrations} migrations,", dict(given["answers"]))
    say(f"  longest {given['longest']:.1f} s")
    assert not bad, bad
    site.wait_for(given["records"])
    say("  all", len(given["records"]), "uploads of that time are assessed")
    assert {key: _seen(site, key) for key in first} == before
    pictures = len(list((VOLUMES / "media").rglob("*.jpg")))
    say("  the", len(first), "earlier records and pictures are the same, of", pictures)
    first += given["records"]


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
