"""manage.py reassess: the workers answer again, and the command watches."""

import io
import itertools

import pytest
from django.core.management import CommandError, call_command

import ml.release
from diagnosis import queue
from diagnosis.records import assessments, reassessments
from tests.factories import RecordFactory, assessed, picture


@pytest.fixture
def workers(monkeypatch):
    """Answer at once, in this process; ``workers`` are the records they were asked for."""
    asked = []

    def answer(record_id):
        asked.append(record_id)
        assessments.run_again(record_id)
        return True

    monkeypatch.setattr(queue, "send_again", answer)
    return asked


@pytest.fixture
def old(alice):
    """Three records whose answer is not the released model's, more than are asked for at once."""
    return [assessed(owner=alice, image__data=picture((600, 600))) for _ in range(3)]


def run():
    out = io.StringIO()
    call_command("reassess", stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_all_old_records_are_answered_again_and_then_none_is_left(
    old, workers, alice, monkeypatch, capsys
):
    monkeypatch.setattr(reassessments, "WINDOW", 2)
    waiting = RecordFactory(owner=alice)
    assert "3 of 3 records assessed again" in run()
    assert "3/3" in capsys.readouterr().err  # the progress bar
    assert sorted(workers) == sorted(record.pk for record in old)
    assert waiting.pk not in workers
    assert "0 of 0" in run()


def test_it_goes_on_where_it_was_stopped(old, workers):
    reassessments_left = reassessments.run([old[0].pk])
    next(reassessments_left)
    assert "2 of 2 records assessed again" in run()


def test_of_late_workers_no_more_is_asked_until_they_answer(old, monkeypatch):
    waiting, together, naps = [], [], itertools.count()

    def ask(key):
        waiting.append(key)
        together.append(len(waiting))
        return True

    def nap(seconds):
        if next(naps):  # the first one goes by without an answer
            assessments.run_again(waiting.pop(0))

    monkeypatch.setattr(reassessments, "WINDOW", 2)
    monkeypatch.setattr(queue, "send_again", ask)
    monkeypatch.setattr(reassessments.time, "sleep", nap)
    assert "3 of 3 records assessed again" in run()
    assert max(together) == 2


def test_a_record_that_can_not_be_read_does_not_hold_up_the_others(old, workers, monkeypatch):
    monkeypatch.setattr(reassessments, "PATIENCE", 0.1)
    old[1].image.storage.delete(old[1].image.name)
    with pytest.raises(CommandError, match="1 records keep their earlier answer"):
        run()
    assert reassessments.outdated().get() == old[1]


def test_without_a_model_it_says_so(old, monkeypatch, tmp_path):
    monkeypatch.setattr(ml.release, "RELEASE", tmp_path)
    with pytest.raises(CommandError, match="model"):
        run()


def test_without_a_broker_it_says_so(old, monkeypatch):
    monkeypatch.setattr(queue, "send_again", lambda key: False)
    with pytest.raises(CommandError, match="broker"):
        run()
