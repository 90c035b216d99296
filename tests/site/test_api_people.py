"""A person, and their account, by the API alone."""

import io
import re
import zipfile
from datetime import UTC, datetime

import pytest
from allauth.account.models import EmailAddress
from rest_framework.test import APIClient

from accounts.consent import CONSENT_VERSION
from accounts.models import User
from tests.factories import PASSWORD, TOTP_SECRET, ReviewFactory, assessed, current_code, program_of

API = "/api/v1/"
DANA = {
    "email": "dana@example.org",
    "password": "four words without a link",
    "display_name": "Dana",
    "date_of_birth": "1990-05-17",
    "consent": True,
}


@pytest.fixture
def open_api(db, settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    return APIClient()


def post(api, address, **body):
    return api.post(API + address, body, format="json")


def test_who_signs_up_confirms_the_address_and_gets_a_token(open_api, mailoutbox):
    assert "health data" in open_api.get(f"{API}auth/signup/").json()["text"]
    answer = post(open_api, "auth/signup/", **DANA)
    assert answer.status_code == 204
    assert not answer.cookies
    credentials = {name: DANA[name] for name in ("email", "password")}
    refused = post(open_api, "auth/token/", **credentials)
    assert refused.json()["detail"] == "Confirm your e-mail address first."
    key = re.search(r"confirm-email/([^/\s]+)/", mailoutbox[0].body)[1]
    assert post(open_api, "auth/confirm-email/", key=key).status_code == 204
    assert post(open_api, "auth/confirm-email/", key=key).status_code == 400
    assert post(open_api, "auth/token/", **credentials).status_code == 201
    assert User.objects.get().consent_version


def test_signing_up_tells_nobody_who_has_an_account(open_api, alice, mailoutbox):
    answer = post(open_api, "auth/signup/", **(DANA | {"email": alice.email}))
    assert (answer.status_code, bool(answer.cookies)) == (204, False)
    assert mailoutbox[0].to == [alice.email]
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"password": "short"}, "password"),
        ({"password": "password123456"}, "password"),
        ({"consent": False}, "consent"),
        ({"date_of_birth": "2020-01-01"}, "date_of_birth"),
        ({"date_of_birth": "soon"}, "date_of_birth"),
        ({"email": "nobody"}, "email"),
        ({"display_name": "x" * 101}, "display_name"),
    ],
)
def test_what_is_wrong_with_a_sign_up_is_named(open_api, change, field):
    answer = post(open_api, "auth/signup/", **(DANA | change))
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert not User.objects.exists()
    assert not EmailAddress.objects.exists()


def test_tokens_are_listed_without_their_text_and_revoked(alice, bob):
    full = program_of(alice, name="full")
    made = post(full, "tokens/", password=PASSWORD, name="a script", scope="read", days=1)
    text = made.json()["token"]
    listed = full.get(f"{API}tokens/").json()
    assert [(one["name"], one["scope"], one["is_this_one"]) for one in listed] == [
        ("a script", "read", False),
        ("full", "full", True),
    ]
    assert text not in str(listed)
    other = APIClient(HTTP_AUTHORIZATION=f"Token {text}")
    assert other.get(f"{API}records/").status_code == 200
    address = f"{API}tokens/{listed[0]['id']}/"
    assert program_of(bob).delete(address).status_code == 404
    assert full.delete(address).status_code == 204
    assert other.get(f"{API}records/").status_code == 401


def test_another_token_asks_for_the_password(alice):
    refused = post(program_of(alice), "tokens/", password="wrong")
    assert refused.status_code == 400
    assert list(refused.json()["errors"]) == ["password"]


def test_the_account_is_read_and_changed(alice):
    api = program_of(alice)
    changes = {"display_name": "Al", "time_zone": "Europe/Brussels", "sex_at_birth": "female"}
    answer = api.patch(f"{API}account/", changes, format="json")
    assert answer.json().items() >= changes.items()
    assert answer.json()["roles"] == ["person"]
    for wrong in ({"time_zone": "Mars/One"}, {"language": "xx"}, {"display_name": "a\u202e"}):
        refused = api.patch(f"{API}account/", wrong, format="json")
        assert list(refused.json()["errors"]) == list(wrong)
    api.patch(f"{API}account/", {"email": "x@example.org"}, format="json")
    alice.refresh_from_db()
    assert (alice.display_name, alice.email) == ("Al", "alice@example.org")


@pytest.mark.parametrize("before", [("", None), ("2025-01-01", datetime(2025, 2, 3, tzinfo=UTC))])
def test_consent_is_given_to_the_present_text(alice, before):
    User.objects.update(consent_version=before[0], consented_at=before[1])
    api = program_of(alice)
    said = api.get(f"{API}account/consent/").json()
    assert said["agreed_to"] == before[0]
    wrong = api.patch(f"{API}account/consent/", {"version": "1"}, format="json")
    assert list(wrong.json()["errors"]) == ["version"]
    body = {"version": said["version"], "teaching": True, "similar": True}
    now = api.patch(f"{API}account/consent/", body, format="json").json()
    assert now["agreed_to"] == said["version"]
    assert now["agreed_at"] != said["agreed_at"]
    assert now["teaching_agreed_at"]
    assert now["similar_agreed_at"]
    taken_back = api.patch(f"{API}account/consent/", {"similar": False}, format="json").json()
    assert taken_back["similar_agreed_at"] is None
    assert taken_back["teaching_agreed_at"]


@pytest.mark.parametrize("born", ["", "2020-01-01", "1066-10-14"])
def test_nor_does_a_child_consent_whose_account_somebody_else_made(alice, born):
    User.objects.update(consent_version="", consented_at=None, date_of_birth=None)
    api, address = program_of(alice), f"{API}account/consent/"
    body = {"version": CONSENT_VERSION, "teaching": True}
    refused = api.patch(address, body | ({"date_of_birth": born} if born else {}), format="json")
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["date_of_birth"])
    assert not User.objects.exclude(consent_version="", teaching_consented_at=None).exists()
    given = api.patch(address, body | {"date_of_birth": "1980-02-03"}, format="json")
    assert given.json()["agreed_to"] == CONSENT_VERSION
    assert api.get(f"{API}account/").json()["date_of_birth"] == "1980-02-03"


def test_everything_is_taken_away_and_deleted_after_the_password(alice):
    record = assessed(owner=alice)
    api = program_of(alice)
    for address in ("account/export/", "account/deletion/"):
        assert post(api, address, password="wrong").status_code == 400
        assert post(api, address).status_code == 400
    answer = post(api, "account/export/", password=PASSWORD)
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as taken:
        assert f"pictures/{record.pk}.jpg" in taken.namelist()
    assert post(api, "account/deletion/", password=PASSWORD).status_code == 204
    assert not User.objects.exists()
    assert api.get(f"{API}records/").status_code == 401


def test_a_doctor_with_verdicts_can_not_delete_the_account(dr_chen):
    ReviewFactory(record=assessed(), doctor=dr_chen)
    code = current_code(TOTP_SECRET)
    answer = post(program_of(dr_chen), "account/deletion/", password=PASSWORD, code=code)
    assert answer.status_code == 400
    assert "Verdicts" in answer.json()["detail"]
    assert User.objects.filter(pk=dr_chen.pk).exists()
