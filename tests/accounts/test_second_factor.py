"""Staff see other people's records: a password alone opens neither the admin nor the API."""

import time
from http.cookies import SimpleCookie

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from auditlog.models import LogEntry
from django.test import Client
from django.urls import reverse
from knox.models import AuthToken
from rest_framework.test import APIClient

from accounts.models import User
from tests.factories import (
    TOTP_SECRET,
    UserFactory,
    ask_for_token,
    assessed,
    current_code,
    program_of,
)

ADMIN = reverse("admin:index")


@pytest.fixture
def hasty(db):
    """A doctor who has not switched the second factor on."""
    return UserFactory(display_name="dr_hasty", role="doctor", is_staff=True, second_factor=False)


def test_the_admin_sends_staff_to_switch_it_on(client, hasty):
    client.force_login(hasty)
    answer = client.get(ADMIN, follow=True)
    assert answer.redirect_chain[-1][0].split("?")[0] in (
        reverse("mfa_activate_totp"),
        reverse("account_reauthenticate"),
    )
    assert "Staff need the second step" in answer.content.decode()


def test_with_it_the_admin_opens(client, dr_chen):
    client.force_login(dr_chen)
    assert client.get(ADMIN).status_code == 200


def test_no_token_without_it(hasty):
    answer = ask_for_token(APIClient(), hasty)
    assert answer.status_code == 400
    assert "second step" in answer.json()["detail"]


def test_people_need_none(alice):
    assert ask_for_token(APIClient(), alice).status_code == 201


def test_recovery_codes_alone_are_none_since_signing_in_asks_for_none_then(client, hasty, alice):
    for person in (hasty, alice):
        RecoveryCodes.activate(person)
    client.force_login(hasty)
    assert client.get(ADMIN).status_code == 302
    assert "second step" in ask_for_token(APIClient(), hasty).json()["detail"]
    assert ask_for_token(APIClient(), alice).status_code == 201
    assert "Switch on" in client.get(reverse("accounts:account")).content.decode()


def test_the_code_that_switched_the_app_on_is_used_up(confirmed, alice):
    page = reverse("mfa_activate_totp")
    code = current_code(confirmed.get(page).context["form"].secret)
    assert confirmed.post(page, {"code": code}).status_code == 302
    assert alice.has_second_factor
    answer = ask_for_token(APIClient(), alice, code=code)
    assert answer.json()["errors"] == {"code": ["Incorrect code."]}


@pytest.fixture
def switching_on(confirmed):
    """Alice's browser, and what the form of the page that switches the app on sends."""
    confirmed.get(reverse("mfa_activate_totp"))
    return confirmed, {"code": current_code(confirmed.session["mfa.totp.secret"])}


def test_switching_the_app_on_twice_leads_to_the_recovery_codes_as_once(switching_on):
    browser, answers = switching_on
    # As by a double click: with the cookies of before the first answer.
    again = Client()
    again.cookies = SimpleCookie({name: each.value for name, each in browser.cookies.items()})
    for one in (browser, again):
        answer = one.post(reverse("mfa_activate_totp"), answers)
        assert answer["Location"] == reverse("mfa_view_recovery_codes")
    assert again.get(reverse("mfa_view_recovery_codes")).context["unused_codes"]


def test_nor_does_the_other_one_fail_where_both_come_at_once(switching_on, alice, monkeypatch):
    browser, answers = switching_on
    lock = User.objects.lock

    def wait(person):
        TOTP.activate(person, TOTP_SECRET)  # the other one was faster
        lock(person)

    monkeypatch.setattr(User.objects, "lock", wait)
    answer = browser.post(reverse("mfa_activate_totp"), answers)
    assert answer["Location"] == reverse("mfa_view_recovery_codes")
    assert alice.authenticator_set.filter(type="totp").count() == 1


def test_the_demo_of_make_run_asks_nobody(settings, client, hasty):
    settings.DEMO = True
    client.force_login(hasty)
    assert client.get(ADMIN).status_code == 200
    assert ask_for_token(APIClient(), hasty).status_code == 201


@pytest.fixture
def lost(dr_chen):
    """The authenticator app of a lost phone, with the recovery codes that allauth made for it."""
    RecoveryCodes.activate(dr_chen)
    return Authenticator.objects.get(user=dr_chen, type="totp")


def test_an_administrator_removes_a_lost_one_without_seeing_its_secret(
    client, frank, dr_chen, lost
):
    client.force_login(frank)
    page = reverse("admin:mfa_authenticator_change", args=[lost.pk])
    assert TOTP_SECRET not in client.get(page).content.decode()
    assert client.post(page, {"data": "{}"}).status_code == 403
    delete = reverse("admin:mfa_authenticator_delete", args=[lost.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 302
    assert not Authenticator.objects.filter(user=dr_chen).exists()
    entries = LogEntry.objects.get_for_model(Authenticator).filter(actor=frank)
    assert [entry.action for entry in entries] == [LogEntry.Action.DELETE] * 2


def test_in_the_list_the_recovery_codes_go_with_the_last_one_only(client, frank, dr_chen, lost):
    key = Authenticator.objects.create(user=dr_chen, type="webauthn", data={"name": "key"})
    client.force_login(frank)
    for factor, left in ((lost, {"webauthn", "recovery_codes"}), (key, set())):
        client.post(
            reverse("admin:mfa_authenticator_changelist"),
            {"action": "delete_selected", "_selected_action": [factor.pk], "post": "yes"},
        )
        kept = Authenticator.objects.filter(user=dr_chen).values_list("type", flat=True)
        assert set(kept) == left


def test_the_log_does_not_keep_what_a_security_key_is_called(alice):
    Authenticator.objects.create(user=alice, type="webauthn", data={"name": "Alice's key"})
    assert "Alice's key" not in str(list(LogEntry.objects.values()))


def test_not_even_a_superuser_sees_the_secret(admin_client, dr_chen):
    lost = Authenticator.objects.get(user=dr_chen)
    page = admin_client.get(reverse("admin:mfa_authenticator_change", args=[lost.pk]))
    assert page.status_code == 200
    assert TOTP_SECRET not in page.content.decode()


def test_no_token_on_the_page_without_it_either(client, hasty):
    client.force_login(hasty)
    session = client.session
    session["account_authentication_methods_user"] = str(hasty.pk)
    session["account_authentication_methods"] = [
        {"method": "password", "at": time.time(), "reauthenticated": True}
    ]
    session.save()
    assert client.post(reverse("accounts:tokens")).url == reverse("mfa_activate_totp")
    assert not AuthToken.objects.exists()


def test_a_token_of_before_opens_nothing_of_who_becomes_staff(alice):
    api = program_of(alice)
    assert api.get("/api/v1/records/").status_code == 200
    alice.is_staff = True
    alice.save()
    assert api.get("/api/v1/records/").status_code == 401
    TOTP.activate(alice, TOTP_SECRET)
    # It was given by a password alone.
    assert api.get("/api/v1/records/").status_code == 401


def test_a_doctors_group_opens_nothing_to_who_is_not_staff(client, bob):
    """Else a password alone would: the second step is asked of staff."""
    mallory = UserFactory(display_name="mallory", role="doctor")
    record = assessed("malignant_high_risk", owner=bob)
    api = APIClient()
    token = ask_for_token(APIClient(), mallory).json()["token"]
    api.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    client.force_login(mallory)
    verdict = {"risk_category": "benign", "urgency": "none"}
    for door in (api, client):
        assert door.get("/api/v1/queue/").status_code == 403
        assert door.get(f"/api/v1/queue/{record.pk}/").status_code == 403
        sent = door.post(f"/api/v1/queue/{record.pk}/reviews/", verdict)
        assert sent.status_code == 403
        reports = door.get("/api/v1/fhir/DiagnosticReport")
        assert (reports.status_code, reports.json()["total"]) == (200, 0)
    assert not record.reviews.exists()


def test_a_doctor_who_is_staff_no_more_reads_nothing_by_an_old_token(dr_chen):
    api = program_of(dr_chen)
    assert api.get("/api/v1/queue/").status_code == 200
    dr_chen.is_staff = False
    dr_chen.save()
    assert api.get("/api/v1/queue/").status_code == 403
