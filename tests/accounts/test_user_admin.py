"""Only administrators manage people; nobody makes themselves a superuser."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from auditlog.models import LogEntry
from django.contrib.admin.models import LogEntry as AdminLogEntry
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models.signals import pre_save
from django.test import Client
from django.urls import reverse
from knox.models import AuthToken

from accounts.models import User
from tests.factories import PASSWORD, SECURITY_KEY, TOTP_SECRET, UserFactory, current_code

LIST = reverse("admin:accounts_user_changelist")


def test_a_doctor_does_not_see_the_list_of_people(client, dr_chen):
    client.force_login(dr_chen)
    assert client.get(LIST).status_code == 403


def test_a_person_does_not_enter_the_admin(client, alice):
    client.force_login(alice)
    assert client.get(LIST).status_code == 302


def test_an_administrator_adds_a_doctor(client, frank):
    client.force_login(frank)
    added = client.post(
        reverse("admin:accounts_user_add"),
        {
            "email": "Dr_Diaz@example.org",
            "usable_password": "true",
            "password1": PASSWORD,
            "password2": PASSWORD,
        },
    )
    diaz = User.objects.get(email="dr_diaz@example.org")
    page = reverse("admin:accounts_user_change", args=[diaz.pk])
    assert added.url == page
    doctors = Group.objects.get(name="doctor")
    fields = {"email": diaz.email, "is_active": "on", "is_staff": "on", "groups": [doctors.pk]}
    assert client.post(page, fields | {"is_superuser": "on"}).status_code == 302
    diaz = User.objects.get(pk=diaz.pk)
    assert diaz.has_perm("diagnosis.add_review")
    assert not diaz.is_superuser


def with_address(email: str) -> dict[str, str]:
    return {"email": email, "usable_password": "true", "is_active": "on"}


@pytest.fixture(params=["add", "change"])
def take(request, client, frank, bob):
    """take(email): an administrator adds a person with it, or gives it to bob."""
    client.force_login(frank)

    def send(email: str):
        if request.param == "change":
            page = reverse("admin:accounts_user_change", args=[bob.pk])
            return client.post(page, with_address(email))
        passwords = {"password1": PASSWORD, "password2": PASSWORD}
        return client.post(reverse("admin:accounts_user_add"), with_address(email) | passwords)

    return send


def test_an_address_that_is_taken_meanwhile_is_said_to_be(transactional_db, take):
    """As by a form sent twice at once."""

    def carol():
        UserFactory(display_name="carol")
        connection.close()

    def meanwhile(**_):
        pre_save.disconnect(meanwhile, sender=User)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(carol).result()

    pre_save.connect(meanwhile, sender=User)
    answer = take("carol@example.org")
    assert "There is already an account with this e-mail address." in answer.content.decode()


def test_a_further_address_of_somebody_is_no_other_accounts(client, alice, take):
    """Signing in with it leads to alice's account, so that nobody would ever get into the other."""
    alice.emailaddress_set.create(email="second@example.org", verified=True)
    answer = take("Second@example.org")
    assert "There is already an account with this e-mail address." in answer.content.decode()
    assert not User.objects.filter(email="second@example.org").exists()
    own = reverse("admin:accounts_user_change", args=[alice.pk])
    assert client.post(own, with_address("Second@example.org")).status_code == 302
    alice.refresh_from_db()
    assert alice.email == "second@example.org"


def test_what_was_open_when_an_account_was_closed_stays_shut(client, frank, alice):
    """Closed because a phone was stolen, say, and opened again: not for who has the phone."""
    phone, program = Client(), AuthToken.objects.create(alice)[1]
    phone.post(reverse("account_login"), {"login": alice.email, "password": PASSWORD})
    assert phone.get("/account/").status_code == 200
    client.force_login(frank)
    page = reverse("admin:accounts_user_change", args=[alice.pk])
    fields = {"email": alice.email, "display_name": "alice"}
    for is_active in ({}, {"is_active": "on"}):
        assert client.post(page, fields | is_active).status_code == 302
        assert phone.get("/account/").status_code == 302
        bearer = {"Authorization": f"Token {program}"}
        assert Client().get("/api/v1/account/", headers=bearer).status_code == 401
    phone.post(reverse("account_login"), {"login": alice.email, "password": PASSWORD})
    assert phone.get("/account/").status_code == 200
    assert client.post(page, fields | {"display_name": "A.", "is_active": "on"}).status_code == 302
    assert phone.get("/account/").status_code == 200


def test_who_gave_which_role_to_whom_is_logged(client, frank, alice):
    client.force_login(frank)
    doctors = Group.objects.get(name="doctor")
    page = reverse("admin:accounts_user_change", args=[alice.pk])
    fields = {"email": alice.email, "is_active": "on", "is_staff": "on", "groups": [doctors.pk]}
    client.post(page, fields)
    entries = LogEntry.objects.get_for_object(alice).filter(actor=frank)
    assert "doctor" in str([entry.changes for entry in entries])


@pytest.mark.parametrize("born", ["2999-03-27", "0198-03-27"])
def test_a_date_of_birth_that_can_not_be_is_not_taken(client, frank, alice, born):
    client.force_login(frank)
    page = reverse("admin:accounts_user_change", args=[alice.pk])
    fields = {"email": alice.email, "is_active": "on"}
    refused = client.post(page, fields | {"date_of_birth": born})
    assert "real date of birth" in refused.content.decode()
    assert client.post(page, fields | {"date_of_birth": "1982-03-27"}).status_code == 302
    alice.refresh_from_db()
    assert alice.date_of_birth == date(1982, 3, 27)


def test_superusers_are_out_of_an_administrators_reach(client, frank):
    root = User.objects.create_superuser("root@example.org", PASSWORD)
    client.force_login(frank)
    assert "root@example.org" not in client.get(LIST).content.decode()
    for page in ("change", "delete"):
        address = reverse(f"admin:accounts_user_{page}", args=[root.pk])
        assert client.post(address, {"post": "yes"}).status_code == 302
    assert User.objects.filter(pk=root.pk, is_active=True).exists()


@pytest.fixture
def delete(client, frank):
    """delete(person): by an administrator, on the person's page and from the list."""
    client.force_login(frank)

    def by(way, person):
        if way == "page":
            address = reverse("admin:accounts_user_delete", args=[person.pk])
            return client.post(address, {"post": "yes"})
        chosen = {"action": "delete_selected", "_selected_action": [person.pk], "post": "yes"}
        return client.post(LIST, chosen)

    return by


WAYS = pytest.mark.parametrize("way", ["page", "list"])


@WAYS
def test_nobody_deletes_themselves_there(delete, frank, way):
    """Their own account has a page that asks for the password."""
    assert delete(way, frank).status_code == 403
    assert User.objects.filter(pk=frank.pk).exists()


@WAYS
def test_what_is_kept_of_a_deleted_person_does_not_name_them(delete, dr_chen, way):
    browser = Client()
    browser.post(reverse("account_login"), {"login": dr_chen.email, "password": PASSWORD})
    browser.post(reverse("mfa_authenticate"), {"code": current_code(TOTP_SECRET)})
    assert browser.get(reverse("accounts:account")).status_code == 200
    assert delete(way, dr_chen).status_code == 302
    assert not User.objects.filter(pk=dr_chen.pk).exists()
    sessions = [session.get_decoded() for session in Session.objects.all()]
    assert dr_chen.email not in str(sessions)
    kept = AdminLogEntry.objects.get(object_id=str(dr_chen.pk))
    assert kept.object_repr == dr_chen.pseudonym


@WAYS
def test_nor_does_what_is_kept_of_what_was_theirs(client, admin_user, dr_chen, way):
    """An address, a place in the network, the name of a key: Django's log outlives the account."""
    dr_chen.emailaddress_set.create(email="chen@home.example")
    key = {"name": "Chen's phone", "credential": SECURITY_KEY}
    dr_chen.authenticator_set.create(type="webauthn", data=key)
    UserSession.objects.create(user=dr_chen, ip="192.0.2.7", session_key="x", user_agent="Chen's")
    AuthToken.objects.create(dr_chen)
    User.objects.filter(pk=dr_chen.pk).update(display_name="")
    client.force_login(admin_user)
    for model in (AuthToken, EmailAddress, Authenticator, UserSession):
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        keys = [row.pk for row in model.objects.filter(user=dr_chen)]
        if way == "page":
            address = reverse(f"admin:{label}_delete", args=keys[-1:])
            assert client.post(address, {"post": "yes"}).status_code == 302
        else:
            chosen = {"action": "delete_selected", "_selected_action": keys, "post": "yes"}
            assert client.post(reverse(f"admin:{label}_changelist"), chosen).status_code == 302
    kept = AdminLogEntry.objects.values_list("object_repr", flat=True)
    assert set(kept) == {dr_chen.pseudonym}
    assert len(kept) == (4 if way == "page" else 6)


def test_nobody_adds_or_changes_what_is_theirs(client, admin_user, dr_chen):
    """Whose session was changed, Django's log kept their place in the network; and no superuser
    makes a token for another person."""
    UserSession.objects.create(user=dr_chen, ip="192.0.2.7", session_key="x")
    AuthToken.objects.create(dr_chen)
    client.force_login(admin_user)
    for model in (AuthToken, UserSession):
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        row = reverse(f"admin:{label}_change", args=[model.objects.get(user=dr_chen).pk])
        assert client.get(row).status_code == 200
        changed = {"user": dr_chen.pk, "ip": "192.0.2.7", "session_key": "x", "data": "{}"}
        assert client.post(row, changed).status_code == 403
        assert client.get(reverse(f"admin:{label}_add")).status_code == 403
    assert not AdminLogEntry.objects.exists()
