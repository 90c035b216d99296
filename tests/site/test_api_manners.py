"""What all of the API keeps to: keys of requests, entity tags, limits, scopes, refusals."""

import base64
import gzip
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.hashers import make_password
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test.client import encode_multipart
from knox.models import AuthToken

from accounts.models import IdempotencyKey, User
from diagnosis.models import Mole, MoleRecord
from diagnosis.records import demos
from tests.factories import PASSWORD, MoleFactory, RecordFactory, assessed, program_of

API = "/api/v1/"
NEW = "another long enough passphrase"
NEW_MOLE = {"name": "left shoulder", "body_site": "shoulder"}


def demo_picture() -> SimpleUploadedFile:
    return SimpleUploadedFile("mole.jpg", demos.picture("even_mole"))


# --- the same request twice ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "body"),
    [("moles/", {"body_site": "back"}), ("shares/", {"days": 7})],
)
def test_a_request_that_is_sent_twice_makes_one_thing(program, alice, address, body):
    if address == "shares/":
        body = body | {"mole": str(MoleFactory(owner=alice).pk)}
    sent = {"format": "json", "HTTP_IDEMPOTENCY_KEY": "k-1"}
    first, second = (program.post(API + address, body, **sent) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    other = program.post(API + address, body, format="json", HTTP_IDEMPOTENCY_KEY="k-2")
    assert other.json()["id"] != first.json()["id"]


@pytest.mark.parametrize("said", [{"body_site": "back"}, {"mole_name": "M", "mole_is_new": True}])
def test_a_new_mole_that_is_named_later_is_made_once_too(program, alice, said):
    address = f"{API}records/{assessed(owner=alice).pk}/"
    first, second = (
        program.patch(address, said, format="json", headers={"Idempotency-Key": "a"})
        for _ in range(2)
    )
    assert first.status_code == second.status_code == 200
    assert first.json()["mole"] == second.json()["mole"] == str(alice.moles.get().pk)


def test_a_key_belongs_to_one_request_and_to_one_person(program, bob):
    sent = {"format": "json", "HTTP_IDEMPOTENCY_KEY": "k"}
    assert program.post(f"{API}moles/", NEW_MOLE, **sent).status_code == 201
    refused = program.post(f"{API}moles/", {"body_site": "back"}, **sent)
    assert refused.status_code == 422
    assert program_of(bob).post(f"{API}moles/", {"body_site": "back"}, **sent).status_code == 201


def test_what_was_refused_frees_its_key(program):
    sent = {"format": "json", "HTTP_IDEMPOTENCY_KEY": "k"}
    assert program.post(f"{API}moles/", {"name": "a\u202eb"}, **sent).status_code == 400
    assert program.post(f"{API}moles/", NEW_MOLE, **sent).status_code == 201


def test_what_is_deleted_since_is_not_made_again(program):
    sent = {"format": "json", "HTTP_IDEMPOTENCY_KEY": "k"}
    mole = program.post(f"{API}moles/", NEW_MOLE, **sent).json()
    program.delete(f"{API}moles/{mole['id']}/")
    assert program.post(f"{API}moles/", NEW_MOLE, **sent).status_code == 409
    assert not Mole.objects.exists()


def test_a_token_is_made_once_and_its_text_shown_once(program, alice):
    body = {"password": PASSWORD, "scope": "read"}
    sent = {"format": "json", "HTTP_IDEMPOTENCY_KEY": "k"}
    assert program.post(f"{API}tokens/", body, **sent).status_code == 201
    assert program.post(f"{API}tokens/", body, **sent).status_code == 409
    assert AuthToken.objects.filter(user=alice).count() == 2


def test_what_is_kept_of_a_request_lets_nobody_guess_its_password(program, settings):
    kept = []
    for secret_key, password in (("one", PASSWORD), ("two", PASSWORD), ("two", NEW)):
        settings.SECRET_KEY = secret_key
        User.objects.update(password=make_password(password))
        body = {"password": password, "scope": "read"}
        sent = {"format": "json", "HTTP_IDEMPOTENCY_KEY": f"k-{len(kept)}"}
        assert program.post(f"{API}tokens/", body, **sent).status_code == 201
        kept.append(IdempotencyKey.objects.get(key=f"k-{len(kept)}").request_digest)
    one, two, new = kept
    assert one != two  # of the service's own key, which no backup holds
    assert two == new


def test_a_new_secret_key_of_the_service_does_not_make_things_twice(program, alice, settings):
    sent = {"format": "json", "HTTP_IDEMPOTENCY_KEY": "k"}
    made = program.post(f"{API}moles/", NEW_MOLE, **sent).json()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    again = program.post(f"{API}moles/", NEW_MOLE, **sent)
    assert (again.status_code, again.json()["id"]) == (201, made["id"])


def test_another_code_is_the_same_request(program, alice):
    body = {"password": PASSWORD, "scope": "read"}
    sent = {"format": "json", "HTTP_IDEMPOTENCY_KEY": "k"}
    assert program.post(f"{API}tokens/", body, **sent).status_code == 201
    assert program.post(f"{API}tokens/", body | {"code": "123456"}, **sent).status_code == 409
    assert program.post(f"{API}tokens/", body | {"scope": "full"}, **sent).status_code == 422


def test_a_key_that_can_not_be_is_refused(program):
    answer = program.post(f"{API}moles/", NEW_MOLE, format="json", HTTP_IDEMPOTENCY_KEY="x" * 256)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["Idempotency-Key"]


@pytest.mark.django_db(transaction=True)
def test_of_the_same_key_at_once_one_thing_comes(alice):
    mole = MoleFactory(owner=alice)
    programs = [program_of(alice) for _ in range(6)]

    def make(program):
        try:
            body = {"mole": str(mole.pk)}
            return program.post(f"{API}shares/", body, format="json", HTTP_IDEMPOTENCY_KEY="k")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(make, programs))
    assert [answer.status_code for answer in answers] == [201] * 6
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert alice.shares.count() == IdempotencyKey.objects.count() == 1


# --- entity tags, caches, limits -----------------------------------------------------------------


def test_what_has_not_changed_is_not_sent_again(program, alice):
    record = RecordFactory(owner=alice)
    for address in ("records/", f"records/{record.pk}/", f"records/{record.pk}/image/"):
        tag = program.get(API + address)["ETag"]
        again = program.get(API + address, HTTP_IF_NONE_MATCH=f'"other", {tag}')
        assert (again.status_code, again["ETag"]) == (304, tag)
        assert not again.content
        assert program.get(API + address, HTTP_IF_NONE_MATCH='"other"').status_code == 200
    tag = program.get(f"{API}records/{record.pk}/")["ETag"]
    MoleRecord.objects.update(note="changed")
    answer = program.get(f"{API}records/{record.pk}/", HTTP_IF_NONE_MATCH=tag)
    assert answer.json()["note"] == "changed"


def test_a_page_is_the_same_a_minute_later(program, alice, monkeypatch):
    """Also one with another page after it, to which its cursor leads."""
    for _ in range(3):
        assessed(owner=alice)
    first = program.get(f"{API}records/", {"page_size": 1})
    later = time.time() + 60
    monkeypatch.setattr(time, "time", lambda: later)
    again = program.get(f"{API}records/", {"page_size": 1}, HTTP_IF_NONE_MATCH=first["ETag"])
    assert again.status_code == 304
    assert program.get(first.json()["next"]).json()["results"]


def test_each_answer_says_what_is_left_and_is_kept_by_no_cache(program):
    first, second = program.get(f"{API}records/"), program.get(f"{API}moles/")
    assert first["RateLimit-Policy"] == '"user";q=600;w=60'
    assert first["RateLimit"].startswith('"user";r=599;t=')
    assert second["RateLimit"].startswith('"user";r=598;t=')
    assert "no-store" in second["Cache-Control"]
    assert "no-store" in program.get(f"{API}nothing/")["Cache-Control"]


def test_what_a_client_calls_its_request_is_not_kept(program, alice):
    sent = {"format": "json", "HTTP_X_CORRELATION_ID": "x" * 300}
    body = {"mole": str(MoleFactory(owner=alice).pk)}
    assert program.post(f"{API}shares/", body, **sent).status_code == 201
    assert program.post(f"{API}shares/", body, **sent | {"HTTP_X_CORRELATION_ID": "alice"})
    assert not LogEntry.objects.exclude(cid=None).exists()


def test_other_sites_may_not_read_unless_they_are_named(program, settings):
    asked = {"HTTP_ORIGIN": "https://other.example"}
    assert "Access-Control-Allow-Origin" not in program.get(f"{API}records/", **asked)
    settings.CORS_ALLOWED_ORIGINS = ["https://other.example"]
    answer = program.get(f"{API}records/", **asked)
    assert answer["Access-Control-Allow-Origin"] == "https://other.example"
    assert "ETag" in answer["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in program.get("/account/login/", **asked)


# --- pages, filters, order -----------------------------------------------------------------------


def test_pages_go_on_where_the_one_before_ended_both_ways(program, alice):
    for number in range(7):
        MoleFactory(owner=alice, name=f"mole {number // 3}")  # many are equal
    asked = f"{API}moles/?ordering=name&page_size=3"
    pages = [program.get(asked).json()]
    while pages[-1]["next"]:
        pages.append(program.get(pages[-1]["next"]).json())
    names = [[mole["name"] for mole in page["results"]] for page in pages]
    assert [len(page) for page in names] == [3, 3, 1]
    every = [name for page in names for name in page]
    assert every == sorted(every)
    assert len({mole["id"] for page in pages for mole in page["results"]}) == 7
    assert pages[0]["previous"] is None
    assert program.get(pages[2]["previous"]).json()["results"] == pages[1]["results"]
    assert program.get(pages[1]["previous"]).json()["results"] == pages[0]["results"]


@pytest.mark.parametrize("length", ["many", "0", "-1", "1.5"])
def test_a_length_of_a_page_that_can_not_be_is_refused_by_its_name(program, alice, length):
    answer = program.get(f"{API}moles/", {"page_size": length})
    assert (answer.status_code, [*answer.json().get("errors", ())]) == (400, ["page_size"])


@pytest.mark.parametrize(("asked", "length"), [("", 20), ("3", 3), ("1000", 100)])
def test_no_page_is_longer_than_the_longest(program, alice, asked, length):
    MoleFactory.create_batch(101, owner=alice)
    assert len(program.get(f"{API}moles/", {"page_size": asked}).json()["results"]) == length


def test_a_cursor_that_is_not_ours_is_not_found(program, alice):
    for name in "ab":
        MoleFactory(owner=alice, name=name)
    page = program.get(f"{API}moles/?ordering=name&page_size=1").json()
    [ours] = parse_qs(urlsplit(page["next"]).query)["cursor"]
    assert program.get(f"{API}moles/", {"ordering": "name", "cursor": ours}).json()["results"]
    made_up = [False, "\ud800", page["results"][0]["id"]]
    unsigned = base64.urlsafe_b64encode(json.dumps(made_up).encode()).decode()
    for cursor in ("", "x", "é" * 20, unsigned, signing.dumps(made_up), ours[:-1], f"{ours}x"):
        answer = program.get(f"{API}moles/", {"ordering": "name", "cursor": cursor})
        assert answer.status_code == 404, cursor
    # In another order, or of other rows, its values would mean something else.
    for address, order in (("moles/", "-name"), ("moles/", "created_at"), ("records/", "")):
        asked = {"ordering": order, "cursor": ours}
        assert program.get(API + address, asked).status_code == 404


@pytest.mark.parametrize("rows", ["moles", "records"])
def test_an_order_by_nothing_is_any_order(program, alice, rows):
    record = RecordFactory(owner=alice, mole=MoleFactory(owner=alice))
    [shown] = program.get(f"{API}{rows}/?ordering=,,").json()["results"]
    assert shown["id"] in {str(record.pk), str(record.mole_id)}


def test_records_are_filtered_ordered_and_searched(program, alice):
    mole = MoleFactory(owner=alice)
    benign = assessed(owner=alice, mole=mole, note="darker than before")
    worst = assessed("malignant_high_risk", owner=alice)
    waiting = RecordFactory(owner=alice)

    def ids(**asked):
        return [one["id"] for one in program.get(f"{API}records/", asked).json()["results"]]

    assert ids(mole=mole.pk) == [str(benign.pk)]
    assert ids(q="DARKER") == [str(benign.pk)]
    assert ids(state="queued") == [str(waiting.pk)]
    assert ids(category="malignant_high_risk") == [str(worst.pk)]
    assert ids(ordering="created_at")[0] == str(benign.pk)
    assert ids(ordering="-danger")[0] == str(worst.pk)
    for wrong in ({"state": "x"}, {"ordering": "note"}, {"mole": "1"}, {"since": "soon"}):
        refused = program.get(f"{API}records/", wrong)
        assert refused.status_code == 400
        assert list(refused.json()["errors"]) == list(wrong)


def test_a_filter_of_the_list_is_none_of_one_thing(program, alice):
    mole = MoleFactory(owner=alice)
    record = RecordFactory(owner=alice)
    for address in (f"records/{record.pk}/?state=failed", f"moles/{mole.pk}/?body_site=x"):
        assert program.get(API + address).status_code == 200


def test_no_filter_tells_whether_an_id_is_another_persons(program, alice, bob):
    theirs = RecordFactory(owner=bob, mole=MoleFactory(owner=bob))
    for rows, name, key in (
        ("records", "mole", theirs.mole_id),
        ("shares", "mole", theirs.mole_id),
        ("shares", "record", theirs.pk),
    ):
        refused = [program.get(f"{API}{rows}/", {name: asked}) for asked in (key, uuid.uuid4())]
        assert [answer.status_code for answer in refused] == [400, 400]
        assert refused[0].json() == refused[1].json()


# --- scopes --------------------------------------------------------------------------------------


def test_a_token_does_what_it_is_for(alice):
    mole = MoleFactory(owner=alice)
    read, write = program_of(alice, scope="read"), program_of(alice, scope="write")
    assert read.get(f"{API}moles/{mole.pk}/").status_code == 200
    assert read.patch(f"{API}moles/{mole.pk}/", {"name": "x"}, format="json").status_code == 403
    assert write.patch(f"{API}moles/{mole.pk}/", {"name": "x"}, format="json").status_code == 200
    for address in ("account/", "account/consent/"):
        assert write.patch(API + address, {}, format="json").status_code == 403
    for address in ("tokens/", "account/deletion/", "account/export/"):
        body = {"password": PASSWORD}
        assert write.post(API + address, body, format="json").status_code == 403
    assert read.delete(f"{API}auth/token/").status_code == 204  # itself, always


# --- bodies that are wrong -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        (b'{"name": "a", "name": "b"}', 400, "name"),
        (b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, None),
        (b'{"name": ' + b"[" * 50 + b"]" * 50 + b"}", 400, None),
        (b'{"name": "\xff\xfe"}', 400, None),
        (b'{"name": "a\\u0000b"}', 400, "name"),
        (b'{"name": "\\ud800"}', 400, "name"),
        (b'{"name": "a", "body_site": "\\ud800"}', 400, "body_site"),
        (b'{"\\ud800": 1, "\\ud800": 2}', 400, "\ud800"),
        (b'{"name": NaN}', 400, None),
        (b'{"name": 1e999}', 400, None),
        (b'{"name": {"a": 1}}', 400, "name"),
        (b'{"name": "%s"}' % (b"x" * 10_000), 400, "name"),
        (b'{"name": "a", "remind_after_days": %s}' % (b"9" * 4000), 400, "remind_after_days"),
        (b'{"name": "a", "remind_after_days": %s}' % (b"9" * 5000), 400, None),
        (b'{"name": "a", "body_site": ["back"]}', 400, "body_site"),
        (b"[1]", 400, None),
        (b"null", 400, None),
        (b'"text"', 400, None),
        (b"{", 400, None),
        (b"\x00", 400, None),
    ],
)
def test_a_body_that_is_wrong_is_refused_by_its_field(program, body, status, named):
    answer = program.post(f"{API}moles/", data=body, content_type="application/json")
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    if named:
        assert named in answer.json()["errors"]
    assert not Mole.objects.exists()


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data", "x"])
def test_a_body_of_another_kind_is_refused(program, kind):
    answer = program.post(f"{API}moles/", data=b"name=x", content_type=kind)
    assert answer.status_code in (400, 415)


@pytest.mark.parametrize("coding", ["gzip", "br", "gzip, identity"])
def test_a_body_that_is_compressed_is_refused_and_why(program, coding):
    body = gzip.compress(b'{"name": "left arm"}')
    answer = program.generic(
        "POST",
        f"{API}moles/",
        body,
        content_type="application/json",
        headers={"Content-Encoding": coding},
    )
    assert answer.status_code == 415
    assert answer["Accept-Encoding"] == "identity"
    assert "Content-Encoding" in answer.json()["detail"]
    assert not Mole.objects.exists()
    plain = {"format": "json", "headers": {"Content-Encoding": "identity"}}
    assert program.post(f"{API}moles/", NEW_MOLE, **plain).status_code == 201


def test_a_field_of_a_form_that_is_there_twice_is_refused(program):
    answer = program.post(f"{API}records/", {"body_site": ["face", "back"]})
    assert "body_site" in answer.json()["errors"]
    assert answer.status_code == 400


@pytest.mark.parametrize("name", ["signs[]", "signs[0]", "image[1]"])
def test_a_field_of_a_form_is_not_passed_over_since_its_name_has_brackets(program, name):
    answer = program.post(f"{API}records/", {"image": demo_picture(), name: "bleeding"})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [name]
    assert not MoleRecord.objects.exists()


@pytest.mark.parametrize("name", ["mole_name", "note"])
def test_nor_is_a_text_of_a_form_stored_that_is_not_utf_8(program, name):
    """Two moles, “ä” and “ö” in Latin-1, would be one, whose pictures are compared."""
    sent = {"image": demo_picture(), name: "L@"}
    body = encode_multipart("XX", sent).replace(b"L@", "L\xe4".encode("latin-1"))
    answer = program.post(
        f"{API}records/", data=body, content_type="multipart/form-data; boundary=XX"
    )
    assert answer.status_code == 400
    assert "UTF-8" in answer.json()["errors"][name][0]
    assert not MoleRecord.objects.exists()


def test_nor_is_a_password_that_is_there_twice_chosen_from(client, alice):
    form = f"email={alice.email}&password=wrong&password={PASSWORD}".replace(" ", "+")
    kind = "application/x-www-form-urlencoded"
    answer = client.post(f"{API}auth/token/", form, content_type=kind)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["password"]
    form = form.replace("password=wrong&", "")
    assert client.post(f"{API}auth/token/", form, content_type=kind).status_code == 201
