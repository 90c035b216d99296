"""Programs that wait for an answer beside people who use the pages, on a server of its own.

python -m benchmarks.waiting [--clients 200]
"""

import argparse
import http.client
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.results import keep, summary
from skincare_site.run import embedded

SECONDS = 10  # that the clients wait before their records are assessed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=200)
    clients = parser.parse_args().clients
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        directory = Path(folder)
        (directory / "static").mkdir()
        os.environ |= embedded.local_environment(directory) | {"STATIC_ROOT": f"{folder}/static"}
        with embedded.servers(directory) as (_processes, environment):
            os.environ |= environment | {"DJANGO_SETTINGS_MODULE": "skincare_site.settings"}
            measure(clients)


def measure(clients: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    asked = _fill(clients)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "-c", "skincare_site/gunicorn.py"]
    server = subprocess.Popen(
        [*command, "-b", f"127.0.0.1:{port}", "skincare_site.wsgi"], stdout=subprocess.DEVNULL
    )
    try:
        while not _listens(port):
            time.sleep(0.1)
        for address, headers in asked[:20]:
            _get(port, address, headers)  # warm
        keep("waiting", {"clients": clients} | _beside(port, asked, server.pid))
    finally:
        server.terminate()
        server.wait(30)


def _beside(port: int, asked: list[tuple[str, dict]], server: int) -> dict[str, Any]:
    """Time others while all wait, then how long after its assessment each has the answer."""
    quiet = _time_others(port, asked[0], 20)
    answered: list[float] = []
    states: list[bytes] = []

    def wait(address: str, headers: dict) -> None:
        states.append(_get(port, f"{address}?wait=20", headers))
        answered.append(time.monotonic())

    threads = [threading.Thread(target=wait, args=each) for each in asked]
    before = _processor_s(server)
    for thread in threads:
        thread.start()
    time.sleep(2)  # all are held
    held = _processor_s(server)
    begin = time.monotonic()
    busy = _time_others(port, asked[0], 20)
    while time.monotonic() - begin < SECONDS:
        time.sleep(0.1)
    spent = (_processor_s(server) - held) / (time.monotonic() - begin)
    still = sum(thread.is_alive() for thread in threads)
    _assess_all()
    done = time.monotonic()
    for thread in threads:
        thread.join()
    return {
        "held_at_once": still,
        "got_the_answer": sum(b'"state":"done"' in state for state in states),
        "others_without_them": quiet,
        "others_beside_them": busy,
        "cores_while_held": round(spent, 3),
        "processor_to_take_them_on_s": round(held - before, 2),
        "milliseconds_from_assessed_to_answered": summary([1000 * (at - done) for at in answered]),
        "megabytes": _megabytes(server),
    }


def _time_others(port: int, record: tuple[str, dict], times: int) -> dict[str, float]:
    walls = []
    for _ in range(times):
        begin = time.perf_counter()
        _get(port, *record)
        walls.append(1000 * (time.perf_counter() - begin))
        time.sleep(0.05)
    return summary(walls)


def _get(port: int, address: str, headers: dict) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", address, headers=headers)
    body = connection.getresponse().read()
    connection.close()
    return body


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _processes(server: int) -> list[psutil.Process]:
    return [parent := psutil.Process(server), *parent.children(recursive=True)]


def _processor_s(server: int) -> float:
    return sum(sum(one.cpu_times()[:2]) for one in _processes(server))


def _megabytes(server: int) -> int:
    return round(sum(one.memory_info().rss for one in _processes(server)) / 1024**2)


def _fill(clients: int) -> list[tuple[str, dict]]:
    """A waiting record for each of as many people; their addresses and headers."""
    from accounts import tokens
    from accounts.models import User
    from diagnosis.models import MoleRecord

    asked = []
    for number in range(clients):
        person = User.objects.create_user(f"{number}@example.org")
        record = MoleRecord.objects.create(owner=person, image=f"records/{number}.jpg")
        text = tokens.create(person=person)[1]
        asked.append((f"/api/v1/records/{record.pk}/", {"Authorization": f"Token {text}"}))
    return asked


def _assess_all() -> None:
    from django.utils import timezone

    from benchmarks.queue import answer
    from diagnosis.models import Assessment, MoleRecord

    records = list(MoleRecord.objects.all())
    assessments = Assessment.objects.bulk_create(
        Assessment(record=record, **answer(random.Random(0))) for record in records
    )
    for record, assessment in zip(records, assessments, strict=True):
        record.state, record.current_assessment = "done", assessment
        record.finished_at = timezone.now()
    MoleRecord.objects.bulk_update(records, ["state", "current_assessment", "finished_at"])


if __name__ == "__main__":
    main()
