"""`make run`: the whole service on one machine, until Ctrl-C.

With DATABASE_URL and REDIS_URL it uses those servers; what is missing it brings along.
Where nobody else can come, it is a demo: two logins that everybody knows, and staff without a
second factor. On another address, or with an own database, only DEMO=1 makes it one.
"""

import errno
import io
import ipaddress
import os
import signal
import socket
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import trustme
from django.core.exceptions import ImproperlyConfigured

from skincare_site.environment import Environment
from skincare_site.run import embedded
from skincare_site.run.processes import Process, die_with_parent

CERTIFICATES = embedded.VAR / "tls"
OWN_HOSTS = ("127.0.0.1", "::1", "localhost")  # nobody else can come there
START_LIMIT = 180  # seconds; the Keras engine imports TensorFlow first


def main() -> int:
    """Run until a signal; 1 when the service could not be started."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    if "MAKELEVEL" in os.environ:
        die_with_parent(signal.SIGTERM)
    host = os.environ.get("HOST", "127.0.0.1")
    said = os.environ.get("PORT", "8000")
    port = int(said) if said.isdecimal() else 0
    try:
        secure, demo = Environment().switch("TLS", default=False), is_demo(host)
        check_listening(host, port)
    except ImproperlyConfigured as error:
        print(error, file=sys.stderr)
        return 1
    certificate = make_certificate() if secure else None
    os.environ |= settings_of(demo) | site_of(host, port, secure=certificate is not None)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "skincare_site.settings",
        "DEMO": "1" if demo else "0",
    }
    if certificate:
        os.environ |= {"HTTPS": "1", "HSTS_SECONDS": "0"}
    if host != "127.0.0.1":
        os.environ["ALLOWED_HOSTS"] = ",".join([os.environ["ALLOWED_HOSTS"], *own_addresses()])
    try:
        with embedded.servers() as (processes, environment):
            os.environ |= environment
            prepare(demo=demo)
            if "DATABASE_URL" in environment:
                os.environ["DATABASE_URL"] = as_service(environment["DATABASE_URL"])
            for process in programs(host, port, certificate):
                process.start()
                processes.append(process)
            return watch(processes, stop, port, secure=certificate is not None, demo=demo)
    except embedded.AlreadyRunning:
        print("It runs already in this folder; only one can use its database.", file=sys.stderr)
    except RuntimeError as error:
        print(error, file=sys.stderr)
    return 1


def is_demo(host: str) -> bool:
    """Whether the public logins are wanted; unasked only where nobody else can use them."""
    alone = host in OWN_HOSTS and not embedded.is_named("DATABASE_URL")
    return Environment().switch("DEMO", default=alone)


def settings_of(demo: bool) -> dict[str, str]:
    """What the environment leaves open. Where others can come, sign-up doesn't tell who has an
    account, which it does as long as nobody has to confirm an address."""
    settings = embedded.local_environment()
    if "EMAIL_VERIFICATION" in settings and not demo:
        settings["EMAIL_VERIFICATION"] = "mandatory"
    return settings


def site_of(host: str, port: int, *, secure: bool) -> dict[str, str]:
    """Where links in e-mails lead, unless it is named: others don't reach localhost."""
    if embedded.is_named("SITE_URL"):
        return {}
    others = [] if host in OWN_HOSTS else own_addresses()
    name = host if host in others else next(iter(others), "localhost")
    return {"SITE_URL": f"{'https' if secure else 'http'}://{name}:{port}"}


def prepare(*, demo: bool) -> None:
    """Migrate, and open or close the two demo accounts. Raises RuntimeError for a table in use."""
    import django
    from django.core.management import CommandError, call_command
    from django.db import connections

    django.setup()
    try:
        call_command("prepare_database", verbosity=0)
    except CommandError as error:
        raise RuntimeError(str(error)) from error
    call_command("create_demo_accounts", close=not demo, stdout=io.StringIO())
    connections.close_all()


def as_service(database: str) -> str:
    """The embedded database's address for a role that owns no table; as in docker-compose.yml."""
    from django.db import connections

    from audit import service_role

    service_role.prepare("service", None)
    connections.close_all()
    return database.replace("//postgres@", "//service@")


def programs(host: str, port: int, certificate: tuple[Path, Path] | None) -> list[Process]:
    """Web, worker and beat: the commands of docker-compose.yml."""
    web = ["gunicorn", "-c", "python:skincare_site.gunicorn", "-b", f"{host}:{port}"]
    if certificate:
        web += ["--certfile", str(certificate[0]), "--keyfile", str(certificate[1])]
    commands = {
        "web": [*web, "skincare_site.wsgi"],
        "worker": ["celery", "-A", "skincare_site", "worker", "--loglevel", "INFO"],
        "beat": ["celery", "-A", "skincare_site", "beat", "--pidfile="],
    }
    return [
        Process(name, [sys.executable, "-m", *command], embedded.VAR / f"log/{name}.log")
        for name, command in commands.items()
    ]


def watch(
    processes: list[Process], stop: threading.Event, port: int, *, secure: bool, demo: bool
) -> int:
    """Say when it is ready; start again what dies; return at a signal."""
    deadline = time.monotonic() + START_LIMIT
    ready = False
    while not stop.wait(0.5):
        for process in processes:
            status = process.exit_status()
            if status is None:
                continue
            if not ready and status != -signal.SIGKILL:
                raise RuntimeError(f"The {process.name} stopped:\n{process.last_lines()}")
            print(f"The {process.name} stopped ({status}); started again.", flush=True)
            process.start()
        if not ready:
            if is_serving(port, secure=secure) and is_consuming():
                ready = True
                announce(port, secure=secure, demo=demo)
            elif time.monotonic() > deadline:
                raise RuntimeError(f"Not ready after {START_LIMIT} s; see {embedded.VAR / 'log'}")
    print("Stopping.", flush=True)
    return 0


def is_serving(port: int, *, secure: bool) -> bool:
    context = ssl.create_default_context(cafile=CERTIFICATES / "ca.pem") if secure else None
    # Past any proxy, which would look for localhost on itself.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    try:
        url = f"{'https' if secure else 'http'}://localhost:{port}/health/ready"
        with opener.open(url, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def is_consuming() -> bool:
    """Whether a worker answers; not while the broker is being started again."""
    from kombu.exceptions import OperationalError

    from skincare_site.celery import app

    try:
        return bool(app.control.ping(timeout=1, limit=1))
    except (OperationalError, OSError):
        return False


def announce(port: int, *, secure: bool, demo: bool) -> None:
    from accounts.management.commands.create_demo_accounts import PASSWORD

    scheme = "https" if secure else "http"
    if os.environ.get("HOST"):
        for address in own_addresses():
            print(f"On the same network: {scheme}://{address}:{port}", flush=True)
    ready = f"Ready: {scheme}://localhost:{port}"
    if demo:
        print(
            f"{ready}  person: person@example.org / {PASSWORD}"
            f"  doctor: doctor@example.org / {PASSWORD}\n"
            "Demo: these logins are public, and staff need no second step of signing in.",
            flush=True,
        )
    else:
        print(
            f"{ready}\nNo demo logins, since others may reach this service (DEMO=1 makes them); "
            "who signs up confirms the address by the e-mail, which lies in "
            f"{embedded.VAR / 'mail'} unless EMAIL_URL says otherwise. "
            "The first account: "
            ".venv/bin/python -m skincare_site.run.embedded manage.py createsuperuser",
            flush=True,
        )


def check_listening(host: str, port: int) -> None:
    """Raise ImproperlyConfigured with the reason why nothing can listen there."""
    if not 0 < port < 65536:
        raise ImproperlyConfigured(
            f"PORT is a number from 1 to 65535, not {os.environ.get('PORT')!r}."
        )
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            said = f"Port {port} is in use. Take another: make run PORT={port + 1}"
        else:
            said = f"Nothing can listen at HOST={host} PORT={port}: {error.strerror or error}"
        raise ImproperlyConfigured(said) from error


def own_addresses() -> list[str]:
    """The IPv4 addresses under which the same network knows this machine."""
    return [
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == socket.AF_INET
        and not ipaddress.ip_address(address.address).is_loopback
    ]


def make_certificate() -> tuple[Path, Path]:
    """Certificate and key for the machine's present addresses, by an authority of its own.

    The authority stays, so that a phone which trusts var/tls/ca.pem goes on doing so.
    """
    CERTIFICATES.mkdir(parents=True, exist_ok=True, mode=0o700)
    certificate, key = CERTIFICATES / "ca.pem", CERTIFICATES / "ca.key"
    if key.exists():
        authority = trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
    else:
        authority = trustme.CA(organization_name="Skincare mole check, this machine only")
        authority.private_key_pem.write_to_path(key)
        authority.cert_pem.write_to_path(certificate)
    issued = authority.issue_cert("localhost", "127.0.0.1", *own_addresses())
    chain, chain_key = CERTIFICATES / "site.pem", CERTIFICATES / "site.key"
    issued.private_key_pem.write_to_path(chain_key)
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    return chain, chain_key
