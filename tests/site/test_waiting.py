"""A program that waits for an answer gets it when it comes, and holds up nobody."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from rest_framework.test import APIClient

from accounts import tokens
from diagnosis.models import Assessment, MoleRecord
from skincare_site.web_worker import WORKING
from tests.factories import RecordFactory, answer
from tests.site.conftest import IMPATIENT, ask

API = "/api/v1/"
# Who waits is not answered because the time is over: the client would give up first.
ENDLESS = f"""{IMPATIENT}
start = post_worker_init
def post_worker_init(worker):
    start(worker)
    from diagnosis.records.waiting import Waiters
    wait = Waiters.wait
    Waiters.wait = lambda self, record_id, _seconds: wait(self, record_id, 3600)
"""


@pytest.fixture
def waiting_record(transactional_db, alice):
    return RecordFactory(owner=alice)


@pytest.fixture
def read(waiting_record, port):
    header = {"Authorization": f"Token {tokens.create(person=waiting_record.owner)[1]}"}

    def ask_for(query: str) -> tuple[int, dict]:
        address = f"{API}records/{waiting_record.pk}/{query}"
        status, body = ask(port, path=address, headers=header)
        return status, json.loads(body)

    return ask_for


@pytest.mark.parametrize("port", [ENDLESS], indirect=True)
def test_more_than_work_at_once_wait_and_get_the_answer_when_it_comes(waiting_record, read, port):
    with ThreadPoolExecutor(3 * WORKING) as pool:
        held = [pool.submit(read, "?wait=20") for _ in range(3 * WORKING)]
        time.sleep(1)
        assert ask(port)[0] == 200  # others are served
        assert not any(one.done() for one in held)
        assessment = Assessment.objects.create(record=waiting_record, **answer())
        MoleRecord.objects.update(
            state="done", current_assessment=assessment, finished_at=assessment.created_at
        )
        answers = [one.result() for one in held]
    assert {status for status, _body in answers} == {200}
    assert {body["state"] for _status, body in answers} == {"done"}


def test_who_waits_in_vain_is_answered_in_time(read):
    begin = time.monotonic()
    status, body = read("?wait=1")
    assert (status, body["state"]) == (200, "queued")
    assert time.monotonic() - begin >= 1


def test_a_record_that_is_deleted_meanwhile_is_not_there(waiting_record, read):
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(read, "?wait=20")
        time.sleep(1)
        waiting_record.delete()
        assert held.result()[0] == 404


@pytest.mark.parametrize("wait", ["-1", "21", "x", "1e3", "9" * 5000])
def test_a_time_that_can_not_be_is_refused(alice, wait):
    record = RecordFactory(owner=alice)
    api = APIClient()
    api.force_authenticate(alice)
    refused = api.get(f"{API}records/{record.pk}/", {"wait": wait})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["wait"])
