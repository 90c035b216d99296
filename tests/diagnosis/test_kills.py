"""SIGKILL in the middle of a task costs seconds, never a record, and never a second assessment.

The picture is replaced by a named pipe: a task that has claimed the record waits for its bytes.
"""

import os
import threading
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from celery import Celery

from diagnosis import queue
from diagnosis.models import MoleRecord
from skincare_site.run import embedded
from tests.diagnosis.programs import Program, wait_for
from tests.factories import RecordFactory, picture

pytestmark = pytest.mark.slow

WITHIN = 180


@pytest.fixture
def broker(tmp_path, monkeypatch):
    """One that may be killed: the other tests' goes on."""
    monkeypatch.delenv("REDIS_URL")
    with embedded.servers(tmp_path / "broker") as ([server], environment):
        app = Celery(set_as_current=False, broker=environment["REDIS_URL"])
        monkeypatch.setattr(queue, "current_app", app)
        server.url = environment["REDIS_URL"]
        yield server


@pytest.fixture
def start(process_environment, broker, tmp_path):
    """start("worker"), start("beat"): as `make run` does."""
    programs = []

    def start_program(name, *options):
        command = ("celery", "-A", "skincare_site", name, "--loglevel=INFO", *options)
        environment = process_environment | {"REDIS_URL": broker.url}
        programs.append(Program(*command, log=tmp_path / f"{name}.log", **environment))
        return programs[-1]

    yield start_program
    for program in programs:
        program.stop()


def kill(broker):
    port = urlsplit(broker.url).port
    children = psutil.Process().children()
    [server] = [child for child in children if f":{port}" in " ".join(child.cmdline())]
    server.kill()
    wait_for(broker.exit_status, WITHIN, broker.log)


class Blocked:
    """A record whose task has begun and waits for the picture's bytes."""

    def __init__(self, owner, worker):
        self.record = RecordFactory(owner=owner, image__data=picture((600, 600)))
        self.path = Path(self.record.image.path)
        self.data = self.path.read_bytes()
        self.path.unlink()
        os.mkfifo(self.path)
        queue.send(self.record.pk)
        wait_for(lambda: self.state == "running", WITHIN, worker.log)

    @property
    def state(self):
        return MoleRecord.objects.get(pk=self.record.pk).state

    def release(self):
        """Let the task that waits, and all later ones, read the picture."""
        pipe = self.path.rename(self.path.with_suffix(".pipe"))
        self.path.write_bytes(self.data)
        # Opening a pipe waits for its reader, which may have been killed.
        threading.Thread(target=lambda: pipe.write_bytes(self.data), daemon=True).start()

    def check_finished(self, log):
        wait_for(lambda: self.state in MoleRecord.ASSESSED, WITHIN, log)
        assert self.record.assessments.count() == 1


def test_a_killed_worker(start, alice):
    start("beat", "--pidfile=")
    worker = start("worker")
    blocked = Blocked(alice, worker)
    worker.kill()
    blocked.release()
    blocked.check_finished(start("worker").log)
    assert MoleRecord.objects.get().attempts == 2


def test_a_killed_beat(start, alice):
    beat, worker = start("beat", "--pidfile="), start("worker")
    blocked = Blocked(alice, worker)
    beat.kill()
    lost = RecordFactory(owner=alice, image__data=picture((600, 600)))  # and no message
    start("beat", "--pidfile=")
    blocked.release()
    blocked.check_finished(worker.log)
    wait_for(lambda: lost.assessments.count() == 1, WITHIN, worker.log)


def test_a_killed_broker_that_forgets_its_messages(start, broker, alice):
    start("beat", "--pidfile=")
    worker = start("worker", "--concurrency=1")
    blocked = Blocked(alice, worker)
    waiting = RecordFactory(owner=alice, image__data=picture((600, 600)))
    queue.send(waiting.pk)
    kill(broker)
    queue.send(waiting.pk)  # nobody listens
    broker.start()
    blocked.release()
    blocked.check_finished(worker.log)
    wait_for(lambda: waiting.assessments.count() == 1, WITHIN, worker.log)
