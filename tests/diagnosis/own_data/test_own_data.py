"""All that is kept about a person: taken away, and deleted; a look into rows, files and log."""

import io
import json
import zipfile

import pytest
from allauth.usersessions.models import UserSession
from auditlog.models import LogEntry
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core.files.storage import FileSystemStorage
from django.db import connection
from django.urls import reverse
from knox.models import AuthToken

from accounts.consent import CONSENT_VERSION
from accounts.models import User
from accounts.staff import SEEN_AT
from diagnosis import media
from diagnosis.reviews import verdicts
from diagnosis.reviews.models import SecondOpinion
from diagnosis.sharing import links
from tests.factories import (
    PASSWORD,
    TOTP_SECRET,
    MoleFactory,
    RecordFactory,
    ReviewFactory,
    UserFactory,
    assessed,
    current_code,
    picture,
    sitting,
    spoil,
)

DATA = reverse("diagnosis:own_data")
DOWNLOAD = reverse("diagnosis:own_data_download")
DELETE = reverse("diagnosis:account_delete")


@pytest.fixture
def signed_in(client, alice):
    """By the page, so that there is a session to list and a password to ask for again."""
    client.post(reverse("account_login"), {"login": alice.email, "password": PASSWORD})
    return client


def test_each_of_several_pictures_is_counted(confirmed, alice):
    mole = MoleFactory(owner=alice)
    sitting("benign", "benign", "benign", together="benign", owner=alice, mole=mole)
    RecordFactory(owner=alice)
    assert "We keep your account and 4 pictures." in confirmed.get(DATA).content.decode()
    assert "your moles and 4 pictures will be gone" in confirmed.get(DELETE).content.decode()
    of_the_mole = confirmed.get(reverse("diagnosis:mole_delete", args=[mole.pk]))
    assert "its 3 pictures" in of_the_mole.content.decode()


def unzipped(response) -> zipfile.ZipFile:
    assert response.streaming
    return zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))


@pytest.mark.parametrize("address", [DATA, DOWNLOAD, DELETE])
def test_the_password_is_asked_for_again(signed_in, address):
    asked = signed_in.get(address)
    assert asked.url.startswith(reverse("account_reauthenticate"))
    wrong = signed_in.post(reverse("account_reauthenticate"), {"password": "guess"})
    assert wrong.status_code == 200
    assert signed_in.get(address).status_code == 302


def test_a_few_leave_at_a_time_since_each_keeps_a_connection(confirmed, alice):
    taken = []
    while (answer := confirmed.get(DOWNLOAD)).status_code == 200:
        taken.append(answer)
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert len(taken) == 4
    assert LogEntry.objects.filter(additional_data__to="own data").count() == 4
    for each in taken:
        unzipped(each)
    unzipped(confirmed.get(DOWNLOAD))


def test_they_are_counted(confirmed, settings):
    settings.LIMITS = {"downloads": (1, 3600)}
    unzipped(confirmed.get(DOWNLOAD))
    assert confirmed.get(DOWNLOAD).status_code == 429


def test_a_post_without_it_deletes_nothing(signed_in):
    signed_in.post(DELETE)
    assert User.objects.exists()


def test_the_archive_has_everything_of_hers_and_nothing_of_bobs(confirmed, alice, bob, dr_chen):
    mole = MoleFactory(owner=alice, name="left shoulder")
    record = assessed("benign", owner=alice, mole=mole, note="since May", size_mm="4.5")
    ReviewFactory(record=record, doctor=dr_chen, comment="Fine.", private_comment="anxious")
    waiting = RecordFactory(owner=alice)
    assessed("benign", owner=bob, note="bob's note", mole=MoleFactory(owner=bob))
    archive = unzipped(confirmed.get(DOWNLOAD))
    assert archive.testzip() is None
    pictures = {f"pictures/{r.pk}.jpg" for r in (record, waiting)}
    assert set(archive.namelist()) == {"README.txt", "data.json", *pictures}
    assert archive.read(f"pictures/{record.pk}.jpg") == picture()
    text = archive.read("data.json").decode()
    for hidden in ("bob", "anxious", alice.password):
        assert hidden not in text
    data = json.loads(text)
    assert data["account"]["email"] == alice.email
    assert data["account"]["consent_version"] == CONSENT_VERSION
    assert [m["name"] for m in data["moles"]] == ["left shoulder"]
    first, second = data["records"]
    assert (first["note"], first["size_mm"], first["mole_id"]) == ("since May", "4.5", str(mole.pk))
    assert first["assessments"][0]["risk_category"] == "benign"
    assert first["reviews"][0]["comment"] == "Fine."
    assert second["state"] == "queued"
    assert "idempotency_key" not in second


def test_the_archive_has_no_verdict_that_waits_for_a_colleague(confirmed, alice, dr_chen):
    record = assessed(owner=alice)
    said = {"risk_category": "benign", "urgency": "none"}
    colleague = UserFactory(role="doctor", is_staff=True)
    verdicts.write(record=record, doctor=dr_chen, ask=colleague, comment="Perhaps.", **said)

    def reviews() -> list[str]:
        data = json.loads(unzipped(confirmed.get(DOWNLOAD)).read("data.json"))
        return [review["comment"] for review in data["records"][0]["reviews"]]

    assert reviews() == []
    verdicts.write(record=record, doctor=colleague, comment="I agree.", **said)
    assert reviews() == ["Perhaps."]


def test_an_empty_account_has_an_archive_too(confirmed):
    data = json.loads(unzipped(confirmed.get(DOWNLOAD)).read("data.json"))
    assert (data["moles"], data["records"]) == ([], [])


def test_a_picture_that_goes_meanwhile_is_left_out(confirmed, alice):
    record = RecordFactory(owner=alice)
    record.image.storage.delete(record.image.name)
    archive = unzipped(confirmed.get(DOWNLOAD))
    assert set(archive.namelist()) == {"README.txt", "data.json"}


def test_a_picture_that_can_not_be_read_is_named_and_the_others_are_there(confirmed, alice):
    spoilt, later = RecordFactory(owner=alice), RecordFactory(owner=alice)
    spoil(spoilt.image)
    archive = unzipped(confirmed.get(DOWNLOAD))
    assert archive.testzip() is None
    assert archive.read(f"pictures/{later.pk}.jpg") == picture()
    said = archive.read("UNREADABLE.txt").decode()
    assert f"pictures/{spoilt.pk}.jpg" in said
    assert str(later.pk) not in said


def test_a_store_that_does_not_answer_ends_the_archive(confirmed, alice, monkeypatch):
    RecordFactory(owner=alice)
    response = confirmed.get(DOWNLOAD)

    def silent(*_):
        raise media.Unreachable

    monkeypatch.setattr(FileSystemStorage, "_open", silent)
    monkeypatch.setattr(media, "trouble", lambda: "unreachable")
    with pytest.raises(media.Unreachable):
        unzipped(response)


def test_the_download_is_in_the_audit_log(confirmed, alice):
    unzipped(confirmed.get(DOWNLOAD))
    entry = LogEntry.objects.get(object_pk=str(alice.pk), action=LogEntry.Action.ACCESS)
    assert entry.actor == alice
    assert entry.additional_data["action"] == "export"


def test_a_look_at_its_headers_alone_is_none(confirmed):
    assert confirmed.head(DOWNLOAD).status_code == 405
    assert not LogEntry.objects.filter(additional_data__action="export").exists()


def test_the_account_goes_with_rows_files_sessions_and_name(
    confirmed, alice, bob, dr_chen, stored_files, django_capture_on_commit_callbacks
):
    mole = MoleFactory(owner=alice, name="scar on the chin")
    record = assessed("benign", owner=alice, mole=mole, note="since the accident")
    ReviewFactory(record=record, doctor=dr_chen, comment="A nice scar.")
    links.create(owner=alice, days=7, mole=mole)
    AuthToken.objects.create(alice)
    kept = RecordFactory(owner=bob)
    sessions = set(UserSession.objects.values_list("session_key", flat=True))
    assert sessions
    assert "can’t be undone" in confirmed.get(DELETE).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        answer = confirmed.post(DELETE, follow=True)
    assert "deleted" in answer.content.decode()
    assert not answer.wsgi_request.user.is_authenticated
    assert [path.name for path in stored_files()] == [kept.image.name.split("/")[-1]]
    assert not Session.objects.filter(session_key__in=sessions).exists()
    # No column of any table still knows her, but for the log's pseudonym.
    remains = everything_in_the_database()
    for word in ("alice", "scar on the chin", "since the accident", "A nice scar."):
        assert word not in remains
    entry = LogEntry.objects.get(object_pk=str(alice.pk), action=LogEntry.Action.DELETE)
    assert (entry.object_repr, entry.actor, entry.actor_email) == (
        alice.pseudonym,
        None,
        alice.pseudonym,
    )
    assert LogEntry.objects.filter(object_pk=str(record.pk), action=LogEntry.Action.DELETE).exists()


def everything_in_the_database() -> str:
    rows = []
    with connection.cursor() as cursor:
        for model in apps.get_models():
            cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')
            rows += cursor.fetchall()
    return str(rows)


def test_a_page_may_ask_the_api_for_it_and_is_signed_out(client, dr_chen):
    """Also of staff, whose sessions are written at some requests, though they have just gone."""
    client.force_login(dr_chen)
    session = client.session
    session[SEEN_AT] = 0
    session.save()
    sent = {"password": PASSWORD, "code": current_code(TOTP_SECRET)}
    answer = client.post("/api/v1/account/deletion/", sent, content_type="application/json")
    assert answer.status_code == 204
    assert "storage" in answer["Clear-Site-Data"]
    assert not User.objects.exists()
    assert not Session.objects.exists()


@pytest.mark.parametrize("has", ["verdicts", "a question"])
def test_a_doctor_with_verdicts_or_a_question_is_told_why_not(client, dr_chen, alice, has):
    review = ReviewFactory(record=assessed("benign", owner=alice))
    if has == "verdicts":
        ReviewFactory(record=review.record, doctor=dr_chen)
    else:
        SecondOpinion.objects.create(first=review, asked=dr_chen)
    client.force_login(dr_chen)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    answer = client.post(DELETE, follow=True)
    assert "Verdicts, or questions of colleagues, keep your name." in answer.content.decode()
    assert User.objects.filter(pk=dr_chen.pk).exists()
