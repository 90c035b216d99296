"""Limits and quotas hold in the services, so that each door keeps the same ones."""

import time
import uuid
from itertools import count
from types import SimpleNamespace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from redis import Redis

from diagnosis import limits
from diagnosis.moles import changes
from diagnosis.moles.models import Change
from diagnosis.records.models import MoleRecord
from diagnosis.sharing import links
from diagnosis.sharing.models import Share
from diagnosis.tasks import sweep_records
from ml.sitting.together import MOST
from tests.factories import MoleFactory, RecordFactory, assessed, picture

WIDTHS = count(300)


@pytest.fixture(autouse=True)
def one_hour(monkeypatch):
    """They count by the hour of the clock, which may end between two requests."""
    now = time.time()
    monkeypatch.setattr(limits, "time", SimpleNamespace(time=lambda: now))


@pytest.fixture
def pages(alice, client):
    client.force_login(alice)
    return client


def image():
    """Another one each time: the very same picture is asked about."""
    width = next(WIDTHS)
    return SimpleUploadedFile("mole.jpg", picture((width, 240)), "image/jpeg")


def by_api(program, pages):
    return program.post("/api/v1/records/", {"image": image()})


def by_form(program, pages, **request):
    fields = {"image": image(), "modality": "photo", "key": uuid.uuid4()}
    return pages.post("/records/new/", fields, **request)


DOORS = [by_api, by_form]


@pytest.mark.parametrize("door", DOORS)
def test_uploads_are_counted_together_at_every_door(door, program, pages, settings):
    settings.LIMITS = {"uploads": (2, 3600)}
    assert by_api(program, pages).status_code == 201
    assert by_form(program, pages).status_code == 302
    answer = door(program, pages)
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 3600
    assert "Try again in" in answer.content.decode()
    assert MoleRecord.objects.count() == 2


def test_another_person_is_not_held_up(program, pages, bob, settings):
    settings.LIMITS = {"uploads": (1, 3600)}
    by_api(program, pages)
    pages.force_login(bob)
    assert by_form(program, pages).status_code == 302


def test_what_was_stored_already_is_not_refused_for_the_room_that_it_took(program, settings):
    settings.MAX_RECORDS = 1
    data, made = picture(), []
    for _twice in range(2):
        file = SimpleUploadedFile("mole.jpg", data, "image/jpeg")
        made.append(program.post("/api/v1/records/", {"image": file}, HTTP_IDEMPOTENCY_KEY="one"))
    assert [answer.status_code for answer in made] == [201, 201]
    assert made[0].json()["id"] == made[1].json()["id"]


def test_a_picture_that_was_added_already_is_not_refused_for_its_place(program, alice, settings):
    record = RecordFactory(owner=alice)
    settings.MAX_RECORDS = MOST
    pictures = [image().read() for _ in range(MOST - 1)]
    for data in (*pictures, pictures[-1]):
        file = SimpleUploadedFile("mole.jpg", data, "image/jpeg")
        address = f"/api/v1/records/{record.pk}/pictures/"
        assert program.post(address, {"image": file}).status_code == 201
    assert len(MoleRecord.objects.get().pictures) == MOST


@pytest.mark.parametrize("door", DOORS)
def test_who_keeps_as_many_records_as_allowed_deletes_some_first(door, program, pages, settings):
    settings.MAX_RECORDS = 1
    assert by_api(program, pages).status_code == 201
    answer = door(program, pages)
    assert answer.status_code == 400
    assert "Delete some" in answer.content.decode()
    MoleRecord.objects.all().delete()
    assert door(program, pages).status_code in (201, 302)


def test_who_has_as_many_moles_as_allowed_adds_no_more(program, pages, alice, settings):
    MoleFactory(owner=alice, name="left shoulder")
    record = RecordFactory(owner=alice)
    settings.MAX_RECORDS = 1
    address = "/api/v1/moles/"
    for said in ({"name": "neck"}, {"body_site": "back"}):
        refused = program.post(address, said, format="json")
        assert refused.status_code == 400
        assert "as many moles here as one person may" in refused.json()["detail"]
    answers = reverse("diagnosis:record_answers", args=[record.pk])
    assert "as many moles" in pages.post(answers, {"name": "neck"}).content.decode()
    assert alice.moles.count() == 1
    known = program.post(address, {"name": "left shoulder"}, format="json")
    assert known.status_code == 201


@pytest.mark.parametrize("door", DOORS)
def test_who_keeps_as_many_bytes_as_allowed_deletes_some_first(door, program, pages, settings):
    settings.MAX_MEGABYTES = 0
    answer = door(program, pages)
    assert answer.status_code == 400
    assert "Delete some" in answer.content.decode()
    assert not MoleRecord.objects.exists()


def test_the_bytes_of_each_record_are_known(program, pages):
    by_api(program, pages)
    record = MoleRecord.objects.get()
    assert record.image_bytes == record.image.size > 0


def for_a_time() -> dict[str, int]:
    """Another one each time: the very same link is not made twice."""
    return {"days": links.DAYS[Share.objects.count()]}


@pytest.mark.parametrize(
    ("limit", "ask"),
    [
        ("reassessments", lambda client, record: client.post(f"/records/{record.pk}/reassess/")),
        ("reports", lambda client, record: client.get(f"/records/{record.pk}/report/")),
        ("reports", lambda client, record: client.get(f"/moles/{record.mole_id}/report/")),
        (
            "shares",
            lambda client, record: client.post(f"/records/{record.pk}/share/", for_a_time()),
        ),
        (
            "shares",
            lambda client, record: client.post(f"/moles/{record.mole_id}/share/", for_a_time()),
        ),
    ],
)
def test_the_rest_that_costs_is_limited_too(alice, pages, settings, limit, ask):
    settings.LIMITS = {limit: (1, 3600)}
    record = assessed(owner=alice, mole=MoleFactory(owner=alice))
    assert ask(pages, record).status_code in (200, 302)
    answer = ask(pages, record)
    assert answer.status_code == 429
    assert "Retry-After" in answer
    assert "Too many requests" in answer.content.decode()


def of_a_mole(alice, count: int) -> tuple:
    """A mole, and its records, oldest first."""
    mole = MoleFactory(owner=alice)
    return mole, [assessed(owner=alice, mole=mole) for _ in range(count)]


def by_change(program, pages, mole, earlier, later):
    return program.get(f"/api/v1/records/{later.pk}/change/", {"earlier": str(earlier.pk)})


def by_mole(program, pages, mole, earlier, later):
    return pages.get(f"/moles/{mole.pk}/", {"before": str(earlier.pk), "after": str(later.pk)})


@pytest.mark.parametrize("door", [by_change, by_mole])
def test_comparisons_are_counted_where_they_are_asked_for(door, alice, program, pages, settings):
    settings.LIMITS = {"changes": (1, 3600)}
    mole, (first, second, third) = of_a_mole(alice, 3)
    assert door(program, pages, mole, first, second).status_code == 200
    assert door(program, pages, mole, first, second).status_code == 200  # it is asked for already
    answer = door(program, pages, mole, second, third)
    assert answer.status_code == 429
    assert "Retry-After" in answer
    assert "Too many requests" in answer.content.decode()
    assert Change.objects.count() == 1
    if door is by_mole:  # the rest of the page is there
        assert str(first.pk) in answer.content.decode()


def test_another_size_counts_as_all_comparisons_that_it_asks_for(alice, program, settings):
    settings.LIMITS = {"changes": (3, 3600)}
    mole, records = of_a_mole(alice, 5)
    changes.follow(mole.pk)
    address = f"/api/v1/records/{records[0].pk}/"

    def say(size: int):
        return program.patch(address, {"size_mm": size}, format="json").status_code

    assert say(4) == 200  # what costs more than is left is not out of reach
    changes.follow(mole.pk)
    assert say(4) == 200
    assert say(5) == 429
    assert program.get(address).json()["size_mm"] == 4
    assert Change.objects.count() == 4
    other = RecordFactory(owner=alice)
    answer = program.patch(f"/api/v1/records/{other.pk}/", {"size_mm": 4}, format="json")
    assert answer.status_code == 200  # it costs nothing


def test_what_was_typed_beside_another_size_stays_on_the_page(alice, pages, settings):
    settings.LIMITS = {"changes": (0, 3600)}
    mole, records = of_a_mole(alice, 2)
    changes.follow(mole.pk)
    said = {"size_mm": "4", "note": "Darker than in the summer.", "mole": str(mole.pk)}
    answer = pages.post(f"/records/{records[0].pk}/answers/", said)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    shown = answer.content.decode()
    assert "Darker than in the summer." in shown
    assert "Too many requests" in shown


def test_comparisons_stand_before_nobodys_picture(
    alice, pages, settings, django_capture_on_commit_callbacks
):
    mole, _records = of_a_mole(alice, 2)
    with Redis.from_url(settings.REDIS_URL) as broker:
        before = broker.llen("celery")
        with django_capture_on_commit_callbacks(execute=True):
            assert pages.get(f"/moles/{mole.pk}/").status_code == 200
        assert broker.llen("celery") == before
        assert broker.llen("changes") == 1


def test_another_place_of_a_mole_with_many_pictures_stands_before_nobodys_picture(
    alice, program, settings
):
    mole, records = of_a_mole(alice, 3)
    with Redis.from_url(settings.REDIS_URL) as broker:
        before, asked = broker.llen("celery"), broker.llen("reassessments")
        address = f"/api/v1/moles/{mole.pk}/"
        assert program.patch(address, {"body_site": "back"}, format="json").status_code == 200
        sweep_records()
        assert broker.llen("celery") == before
        assert broker.llen("reassessments") == asked + len(records)


def test_a_retry_counts_as_an_upload(alice, program, settings):
    settings.LIMITS = {"uploads": (1, 3600)}
    failed = [RecordFactory(owner=alice, failed=True) for _ in range(2)]
    answers = [program.post(reverse("api-record-retry", args=[one.pk])) for one in failed]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert MoleRecord.objects.filter(state="failed").count() == 1


@pytest.fixture
def no_broker(settings):
    settings.CACHES = {
        "default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}
    }


def test_without_the_broker_uploads_go_on_and_are_counted(program, pages, settings, no_broker):
    settings.LIMITS = {"uploads": (1, 3600)}
    assert by_api(program, pages).status_code == 201
    assert by_api(program, pages).status_code == 429
