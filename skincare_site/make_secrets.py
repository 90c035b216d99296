"""The secrets of docker-compose.yml, made before anything runs.

Makes what is missing and keeps what is there, so that the first ``docker compose up`` needs no
preparation. Each folder is a volume that only those services see that need what lies in it.
``--rotate NAME`` makes one of them new.
"""

import argparse
import os
import re
import secrets
import sys
from pathlib import Path
from urllib.parse import quote

import pyrage

# And the lines of .env that say it in their place.
ROTATED = {
    "secret_key": ("SECRET_KEY",),
    "service_password": ("DATABASE_URL", "SERVICE_PASSWORD"),
    "redis_password": ("REDIS_URL",),
}
# Lines of .env that Compose gives to others; here they come from settings.env alone, in vain.
OF_ENV = """
    PROXY_ADDRESSES HTTP_PORT HTTPS_PORT SITE_URL HSTS_SECONDS HSTS_PRELOAD DEFAULT_FROM_EMAIL
    SECURITY_CONTACT CORS_ALLOWED_ORIGINS TIME_ZONE AUDIT_LOG_DAYS MEDIA BACKUP_AT BACKUPS_KEPT
    BACKUPS BACKUP_S3_BUCKET BACKUP_S3_ENDPOINT BACKUP_S3_REGION WEB_WORKERS WEB_THREADS
    WORKERS WORKER_CONCURRENCY WEB_MEMORY WORKER_MEMORY DB_MEMORY LOG_SIZE ML_ENGINE LOCK
    WEBHOOK_NETWORKS REVISION REGISTRY PYPI_MIRROR NPM_MIRROR
""".split()  # noqa: SIM905 in few lines
TLS = ("public", "files", "internal", "proxy")


def wrong(given: dict[str, str], rotate: str | None = None) -> str:
    """What of .env no service can work with, in a sentence; empty where all is right."""
    for name in OF_ENV:
        if given.get(name):
            return f"{name} stands in settings.env, where it does nothing: put it into .env."
    domain, tls = given.get("DOMAIN", ""), given.get("TLS") or "public"
    if re.search(r"[/:\s]", domain):
        return f"DOMAIN is a name such as mole.example.org, not {domain!r}."
    if tls not in TLS:
        return f"TLS is {', '.join(TLS[:-1])} or {TLS[-1]}, not {tls!r}."
    major = given.get("POSTGRES_MAJOR") or "19"
    if not major.isdecimal() or int(major) <= 18:
        return f"POSTGRES_MAJOR is a later one than 18, which is there without it, not {major!r}."
    for name in ROTATED[rotate] if rotate else ():
        if given.get(name) and name.endswith("_URL"):
            return f"{name} stands in .env: change the password at its server, then in that line."
        if given.get(name):
            return f"{name} stands in .env: change it there, or take it out to have one made."
    if re.search(r"@db[:/]", given.get("DATABASE_URL", "")):
        return "DATABASE_URL leads to the database here: take it out of .env, for a role is made."
    if given.get("DATABASE_OWNER_URL") and not given.get("DATABASE_URL"):
        return "DATABASE_OWNER_URL needs DATABASE_URL, by which the service works."
    return ""


def make(root: Path, given: dict[str, str], rotate: str | None = None) -> None:
    """Write the files below ``root``; what ``given`` names (as .env does) goes before what is made.

    Raises OSError.
    """

    def keep(path: str, made: str, name: str = "") -> str:
        file = root / path
        old = file.read_text() if file.exists() else ""
        value = given.get(name, "") or (old if old and file.name != rotate else made)
        if value != old:
            _write(file, value)
        return value

    key, fallbacks = root / "app/secret_key", root / "app/secret_key_fallbacks"
    earlier = key.read_text() if key.exists() else ""
    if rotate == key.name or given.get("SECRET_KEY", "") not in ("", earlier):
        # One is enough: who was away for longer signs in again. First, so that a disk that is full
        # by then takes neither.
        _write(fallbacks, earlier)
    elif not fallbacks.exists():
        _write(fallbacks, "")
    keep("app/secret_key", secrets.token_urlsafe(50), "SECRET_KEY")
    owner = keep("database/password", secrets.token_urlsafe(30), "POSTGRES_PASSWORD")
    service = keep("owner/service_password", secrets.token_urlsafe(30), "SERVICE_PASSWORD")
    broker = keep("owner/redis_password", secrets.token_urlsafe(30))
    backup_key, replaced_keys = root / "owner/backup_key", root / "owner/backup_key_earlier"
    replaced = backup_key.read_text() if backup_key.exists() else ""
    if replaced.startswith("AGE-SECRET-KEY-") and given.get("BACKUP_KEY", "") not in ("", replaced):
        # All of them, since each opens some of the backups. First, as above.
        before = replaced_keys.read_text() if replaced_keys.exists() else ""
        _write(replaced_keys, f"{before}{replaced}\n")
    keep("owner/backup_key", str(pyrage.x25519.Identity.generate()), "BACKUP_KEY")
    given_or_made = {
        "app/database_url": (
            "DATABASE_URL",
            f"postgresql://service:{quote(service, '')}@db/skincare",
        ),
        "owner/database_url": (
            "DATABASE_OWNER_URL",
            f"postgresql://skincare:{quote(owner, '')}@db/skincare",
        ),
        "app/redis_url": ("REDIS_URL", f"redis://:{broker}@redis:6379/0"),
        "app/email_url": ("EMAIL_URL", ""),
        "app/metrics_token": ("METRICS_TOKEN", ""),
        "owner/backup_s3_access_key": ("BACKUP_S3_ACCESS_KEY", ""),
        "owner/backup_s3_secret_key": ("BACKUP_S3_SECRET_KEY", ""),
    }
    for path, (name, made) in given_or_made.items():
        _write(root / path, given.get(name) or made)
    if given.get("DATABASE_URL") and not given.get("DATABASE_OWNER_URL"):
        # Of a database elsewhere the service is the owner; the one here is not it.
        (root / "owner/database_url").unlink()
    # Nothing is kept: a message is a hint, and the database remembers.
    _write(root / "redis/valkey.conf", f'requirepass {broker}\nsave ""\nappendonly no\n')


def _write(file: Path, value: str) -> None:
    """Whole or not at all. Readable by every user of the containers that mount the volume."""
    file.parent.mkdir(exist_ok=True, parents=True)
    new = file.with_suffix(".new")
    new.write_text(value)
    new.chmod(0o444)
    new.rename(file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rotate", choices=ROTATED)
    parser.add_argument("root", type=Path, nargs="?", default=Path("/secrets"))
    arguments = parser.parse_args()
    if said := wrong(dict(os.environ), arguments.rotate):
        sys.exit(f"Not started: {said}")
    make(arguments.root, dict(os.environ), arguments.rotate)
    if arguments.rotate:
        print("Now write skincare-secrets.tar anew: the one that is kept elsewhere is old.")
