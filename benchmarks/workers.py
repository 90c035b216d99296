"""N workers of one process each against one queue: pictures an hour, and processor time for each.

Wall time is what other load leaves; processor time (workers, and the web's part of an upload) holds
on a machine that is shared, too. Writes JSON and, with matplotlib, a plot below var/benchmarks/.

python -m benchmarks.workers [--workers 1 2 4] [--pictures 60] — on servers of its own.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import psutil

from benchmarks.queue import database
from benchmarks.results import FOLDER, keep
from benchmarks.upload import picture

PATIENCE_S = 600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--pictures", type=int, default=60)
    options = parser.parse_args()
    with database():
        upload = _upload()
        curve = [_run(number, options.pictures) for number in options.workers]
        sizes = _sizes()
    keep("workers", {"upload": upload, "curve": curve, "kept_bytes_a_record": sizes})
    _plot(curve)


def _upload() -> dict[str, Any]:
    """Store one phone's picture, as web does: processor seconds without the sandbox's start."""
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage

    from ml.reencoding import stored

    sent = picture(0)
    begin, cpu = time.perf_counter(), time.process_time()
    kept = stored(sent)
    taken = {"wall_s": time.perf_counter() - begin, "cpu_s": time.process_time() - cpu}
    default_storage.save("records/picture.jpg", ContentFile(kept))
    rounded = {name: round(seconds, 3) for name, seconds in taken.items()}
    return rounded | {"sent_bytes": len(sent), "stored_bytes": len(kept)}


def _run(number: int, pictures: int) -> dict[str, Any]:
    from diagnosis import queue
    from diagnosis.models import MoleRecord

    records = _records(pictures)
    with _workers(number) as processes:
        before, begin = _cpu(processes), time.perf_counter()
        for record in records:
            queue.send(record.pk)
        while MoleRecord.objects.filter(state__in=MoleRecord.PENDING).exists():
            if time.perf_counter() - begin > PATIENCE_S:
                raise SystemExit(f"Not done after {PATIENCE_S} s.")
            time.sleep(0.1)
        wall, cpu = time.perf_counter() - begin, _cpu(processes) - before
    states = MoleRecord.objects.filter(pk__in=[record.pk for record in records])
    return {
        "workers": number,
        "pictures": pictures,
        "failed": states.filter(state="failed").count(),
        "wall_s": round(wall, 2),
        "pictures_an_hour": round(3600 * pictures / wall),
        "cpu_s_a_picture": round(cpu / pictures, 3),
        "cores_used": round(cpu / wall, 2),
        "pictures_an_hour_of_one_core": round(3600 * pictures / cpu),
    }


def _records(number: int) -> list[Any]:
    from accounts.models import User
    from diagnosis.models import MoleRecord

    person = User.objects.first() or User.objects.create_user("person@example.org")
    return MoleRecord.objects.bulk_create(
        [MoleRecord(owner=person, image="records/picture.jpg") for _ in range(number)]
    )


@contextlib.contextmanager
def _workers(number: int) -> Iterator[list[psutil.Process]]:
    """Workers that have loaded and warmed the model."""
    from skincare_site.celery import app

    command = [sys.executable, "-m", "celery", "-A", "skincare_site", "worker", "--concurrency=1"]
    programs = [
        subprocess.Popen(
            [*command, "-n", f"{place}@localhost", "--loglevel=WARNING"], env=os.environ
        )
        for place in range(number)
    ]
    try:
        deadline = time.monotonic() + PATIENCE_S
        while len(app.control.ping(timeout=2) or []) < number:
            if time.monotonic() > deadline or any(each.poll() is not None for each in programs):
                raise SystemExit("The workers did not start.")
        yield [psutil.Process(program.pid) for program in programs]
    finally:
        for program in programs:
            program.terminate()
        for program in programs:
            program.wait(60)


def _cpu(processes: list[psutil.Process]) -> float:
    """Seconds of processor time of workers and their children."""
    family = [each for process in processes for each in (process, *process.children())]
    times = [each.cpu_times() for each in family]
    return sum(each.user + each.system for each in times)


def _sizes() -> dict[str, int]:
    """What a record takes in the database, with its assessment and both indexes."""
    from django.db import connection

    from diagnosis.models import Assessment, MoleRecord

    sizes = {}
    with connection.cursor() as cursor:
        for model in (MoleRecord, Assessment):
            table = model._meta.db_table
            cursor.execute("SELECT pg_total_relation_size(%s)", [table])
            sizes[table] = round(cursor.fetchone()[0] / model.objects.count())
    return sizes


def _plot(curve: list[dict[str, Any]]) -> None:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("No plot: matplotlib is not installed.")
        return
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="workers of one process", ylabel="pictures an hour")
    numbers = [point["workers"] for point in curve]
    axes.plot(numbers, [point["pictures_an_hour"] for point in curve], "o-", label="measured")
    alone = [point["workers"] * point["pictures_an_hour_of_one_core"] for point in curve]
    axes.plot(numbers, alone, "s:", label="by processor time: each with a core of its own")
    axes.set(ylim=(0, None), xticks=numbers)
    axes.legend()
    figure.savefig(FOLDER / "workers.png", dpi=120)
    print(FOLDER / "workers.png")


if __name__ == "__main__":
    main()
