"""Every decision about who gets in stands in the audit log, and every look of staff."""

import pytest
from auditlog.models import LogEntry
from django.test import Client
from django.urls import reverse
from knox.models import AuthToken

from accounts.models import User
from tests.factories import (
    PASSWORD,
    TOTP_SECRET,
    ReviewFactory,
    UserFactory,
    ask_for_token,
    assessed,
    current_code,
)

Action = LogEntry.Action


def entries(**where) -> list[tuple]:
    """(what it says it is, whose row, who did it) of each, oldest first."""
    return [
        (entry.additional_data["action"], entry.object_repr, entry.actor_email)
        for entry in LogEntry.objects.filter(additional_data__has_key="action", **where).order_by(
            "id"
        )
    ]


def sign_in(client, person, password=PASSWORD):
    client.post(reverse("account_login"), {"login": person.email, "password": password})


def test_signing_in_and_out(client, alice):
    sign_in(client, alice)
    client.post(reverse("account_logout"))
    me = alice.pseudonym
    assert entries() == [("sign-in", me, me), ("sign-out", me, me)]


def test_a_wrong_password_at_either_door(client, alice):
    sign_in(client, alice, "wrong")
    ask_for_token(Client(), alice, password="wrong")
    assert entries() == [("sign-in refused", alice.pseudonym, None)] * 2


def test_an_address_without_an_account_leaves_no_address(client, db):
    sign_in(client, User(email="nobody@example.org"), "wrong")
    assert entries() == [("sign-in refused", "–", None)]
    assert "nobody@example.org" not in str(list(LogEntry.objects.values()))


def test_the_second_step(client, dr_chen):
    sign_in(client, dr_chen)
    client.post(reverse("mfa_authenticate"), {"code": "000000"})
    client.post(reverse("mfa_authenticate"), {"code": current_code(TOTP_SECRET)})
    assert [what for what, *_ in entries()] == ["sign-in refused", "sign-in"]
    assert LogEntry.objects.filter(additional_data__by="password + mfa").exists()


def refusals() -> list[tuple]:
    """(whose row, by what, where) of each refusal, oldest first."""
    found = LogEntry.objects.filter(additional_data__action="sign-in refused").order_by("id")
    return [
        (entry.object_repr, entry.additional_data.get("by"), entry.additional_data.get("at"))
        for entry in found
    ]


def test_a_try_that_the_limit_of_the_account_stops_at_either_door(client, alice):
    for _try in range(6):
        sign_in(client, alice, "wrong")
    ask_for_token(Client(), alice)
    me = alice.pseudonym
    assert refusals() == [(me, None, None)] * 5 + [(me, "limit", None)] * 2


def test_a_second_step_that_the_limit_stops(client, dr_chen):
    sign_in(client, dr_chen)
    for _try in range(6):
        client.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert [by for _who, by, _at in refusals()] == ["totp"] * 5 + ["limit"]


def test_a_second_step_of_a_program_that_the_limit_stops(client, dr_chen):
    for _try in range(6):
        ask_for_token(client, dr_chen, code="000000")
    assert [by for _who, by, _at in refusals()] == ["totp"] * 5 + ["limit"]


@pytest.mark.parametrize("credential", ["{}", '{"id": "AA", "type": "public-key"}', "no JSON"])
def test_a_security_key_that_is_not_the_persons(client, dr_chen, credential):
    sign_in(client, dr_chen)
    client.post(reverse("mfa_authenticate"), {"credential": credential})
    assert refusals() == [(dr_chen.pseudonym, "webauthn", None)]
    Client().post(reverse("mfa_login_webauthn"), {"credential": credential})
    assert refusals()[1:] == [("–", "webauthn", None)]


def test_a_wrong_old_password(client, alice):
    client.force_login(alice)
    fields = {"oldpassword": "wrong", "password1": "x", "password2": "x"}
    client.post(reverse("account_change_password"), fields)
    assert refusals() == [(alice.pseudonym, None, None)]


def test_tries_that_the_limit_of_a_network_address_stops_once_a_minute(client, alice):
    """They reach no account: without a bound, they would fill the log."""
    people = [User(email=f"p{number}@example.org") for number in range(40)]
    for person in people:
        sign_in(client, person, "wrong")
    assert refusals()[10:] == [("–", "limit", None)] * 20 + [("–", "limit", "account_login")]


def test_of_programs_too(alice, settings):
    for _try in range(22):
        Client().post("/api/v1/auth/token/", {})
    assert refusals() == [("–", "limit", "token")]


def test_of_somebody_who_is_signed_in(client, alice):
    client.force_login(alice)
    fields = {"oldpassword": "wrong", "password1": "x", "password2": "x"}
    for _try in range(8):
        client.post(reverse("account_change_password"), fields)
    assert refusals()[5:] == [(alice.pseudonym, "limit", "account_change_password")]


def test_tokens_factors_addresses_and_passwords_change_rows_that_are_logged(client, alice):
    ask_for_token(client, alice)
    AuthToken.objects.get(user=alice).delete()
    alice.emailaddress_set.create(email="second@example.org")
    alice.set_password("another long enough passphrase")
    alice.save()
    log = LogEntry.objects.order_by("id")
    seen = {(entry.content_type.model, entry.action) for entry in log}
    assert seen >= {
        ("authtoken", Action.CREATE),
        ("authtoken", Action.DELETE),
        ("emailaddress", Action.CREATE),
        ("user", Action.UPDATE),
    }
    kept = str(list(log.values()))
    assert "second@example.org" not in kept
    assert alice.password not in kept


# --- what staff look at --------------------------------------------------------------------------


@pytest.fixture
def colleague(db, client):
    """Another doctor, who looks at what dr_chen wrote."""
    person = UserFactory(display_name="dr_diaz", role="doctor", is_staff=True)
    client.force_login(person)
    return person


def looks(person) -> list[tuple[str, str]]:
    found = LogEntry.objects.filter(actor=person, action=Action.ACCESS).order_by("id")
    return [(entry.content_type.model, entry.object_pk) for entry in found]


@pytest.mark.parametrize("view", ["change", "history"])
def test_a_look_at_another_doctors_verdict(client, colleague, dr_chen, view):
    review = ReviewFactory(doctor=dr_chen)
    client.get(reverse(f"admin:diagnosis_review_{view}", args=[review.pk]))
    assert looks(colleague) == [("review", str(review.pk))]


@pytest.mark.parametrize("view", ["change", "history", "image", "thumbnail"])
def test_a_look_at_a_record(client, colleague, view):
    record = assessed()
    client.get(reverse(f"admin:diagnosis_molerecord_{view}", args=[record.pk]))
    assert looks(colleague) == [("molerecord", str(record.pk))]


@pytest.mark.parametrize("view", ["change", "history"])
@pytest.mark.parametrize("spelled", ["{0.hex}", "urn_3Auuid_3A{0}"])
def test_however_the_id_is_spelled_in_the_address(client, colleague, dr_chen, view, spelled):
    review = ReviewFactory(record=assessed(), doctor=dr_chen)
    seen = [("molerecord", review.record_id), ("review", review.pk)]
    for model, key in seen:
        address = reverse(f"admin:diagnosis_{model}_{view}", args=[spelled.format(key)])
        assert client.get(address).status_code == 200
    assert looks(colleague) == [(model, str(key)) for model, key in seen]


def test_a_list_with_what_stood_in_it(client, colleague, dr_chen):
    review = ReviewFactory(record=assessed(), doctor=dr_chen)
    client.get(reverse("admin:diagnosis_molerecord_changelist"), {"review": "all"})
    client.get(reverse("admin:diagnosis_review_changelist"))
    client.get(reverse("admin:diagnosis_assessment_changelist"))
    kept = LogEntry.objects.filter(actor=colleague, additional_data__action="list").order_by("id")
    assert [(e.content_type.model, e.additional_data["shown"]) for e in kept] == [
        ("molerecord", [str(review.record_id)]),
        ("review", [str(review.pk)]),
        ("assessment", []),
    ]


def test_who_is_turned_away_has_not_looked(client, alice, frank):
    record = assessed()
    for person in (alice, frank):
        client.force_login(person)
        client.get(reverse("admin:diagnosis_molerecord_change", args=[record.pk]))
        client.get(reverse("admin:diagnosis_molerecord_changelist"))
        assert looks(person) == []


def test_administrators_read_and_export_all_of_it(client, colleague, alice, frank):
    client.get(reverse("admin:diagnosis_review_changelist"))
    sign_in(Client(), alice, "wrong")
    client.force_login(frank)
    page = client.get(reverse("admin:auditlog_logentry_changelist")).content.decode()
    assert "sign-in refused" in page
    filtered = client.get(
        reverse("admin:auditlog_logentry_changelist"), {"action": "sign-in refused"}
    )
    assert filtered.context["cl"].result_count == 1
    for entry in LogEntry.objects.all():
        address = reverse("admin:auditlog_logentry_change", args=[entry.pk])
        assert client.get(address).status_code == 200
    export = client.get(reverse("admin:auditlog_logentry_export"))
    assert b"sign-in refused" in b"".join(export.streaming_content)
