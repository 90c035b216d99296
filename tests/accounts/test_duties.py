"""What administrators can do to accounts: nothing for themselves, nothing to superusers, and
nothing that the person does not hear of."""

import pytest
from allauth.mfa.models import Authenticator
from auditlog.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from knox.models import AuthToken

from accounts.models import User
from tests.factories import PASSWORD, program_of

NEW = "another long enough passphrase"


@pytest.fixture
def frank(frank, client):
    client.force_login(frank)
    return frank


def page(person, name="change"):
    return reverse(f"admin:accounts_user_{name}", args=[person.pk])


def fields(person, *groups, **changes):
    chosen = [Group.objects.get(name=name).pk for name in groups]
    return {"email": person.email, "is_active": "on", "groups": chosen} | changes


# --- superusers --------------------------------------------------------------------------------


def test_what_belongs_to_a_superuser_is_out_of_an_administrators_reach(client, frank, admin_user):
    root = admin_user
    factor = Authenticator.objects.get(user=root)
    token = AuthToken.objects.create(root)[0]
    for model, row in (("mfa_authenticator", factor), ("knox_authtoken", token)):
        assert root.email not in client.get(reverse(f"admin:{model}_changelist")).content.decode()
        for name in ("change", "delete", "history"):
            answer = client.post(reverse(f"admin:{model}_{name}", args=[row.pk]), {"post": "yes"})
            assert answer.status_code in (302, 403, 405)
        chosen = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
        client.post(reverse(f"admin:{model}_changelist"), chosen)
        assert type(row).objects.filter(pk=row.pk).exists()


def test_superusers_see_their_own_kind(admin_client, admin_user):
    assert admin_client.get(page(admin_user)).status_code == 200


# --- oneself -----------------------------------------------------------------------------------


def test_nobody_gives_themselves_a_role(client, frank):
    assert client.post(page(frank), fields(frank, "administrator", "doctor")).status_code == 302
    frank = User.objects.get(pk=frank.pk)
    assert frank.is_staff
    assert [group.name for group in frank.groups.all()] == ["administrator"]


def spellings(person) -> list[str]:
    """What Django's administration takes for this person's id."""
    return [
        str(person.pk),
        person.pk.hex,
        str(person.pk).upper(),
        f"urn_3Auuid_3A{person.pk}",
        f"{{{person.pk}}}",
        f"urn:uuid:{person.pk}",
    ]


@pytest.mark.parametrize("spelling", range(6))
@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_sets_their_own_password_there(client, frank, method, spelling):
    answer = getattr(client, method)(
        reverse("admin:auth_user_password_change", args=[spellings(frank)[spelling]]),
        {"usable_password": "true", "password1": NEW, "password2": NEW},
    )
    assert answer.url == reverse("account_change_password")
    assert User.objects.get(pk=frank.pk).check_password(PASSWORD)


def test_nor_their_own_address(client, frank):
    client.post(page(frank), fields(frank, "administrator", email="other@example.org"))
    assert User.objects.get(pk=frank.pk).email == "frank@example.org"


def test_nobody_removes_their_own_second_factor_there(client, frank):
    factor = Authenticator.objects.get(user=frank)
    address = reverse("admin:mfa_authenticator_delete", args=[factor.pk])
    assert client.post(address, {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [factor.pk], "post": "yes"}
    client.post(reverse("admin:mfa_authenticator_changelist"), chosen)
    assert Authenticator.objects.filter(pk=factor.pk).exists()


# --- roles ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["doctor", "administrator"])
def test_a_role_that_opens_other_peoples_records_is_for_staff(client, frank, alice, role):
    refused = client.post(page(alice), fields(alice, role))
    assert "are staff" in refused.content.decode()
    assert not alice.groups.filter(name=role).exists()


# --- others: the person is told, and the log keeps it ---------------------------------------------


def notice(mailoutbox, person) -> str:
    return "\n".join(mail.body for mail in mailoutbox if mail.to == [person.email])


def logged(person, frank) -> str:
    entries = LogEntry.objects.get_for_object(person).filter(actor=frank)
    return str([entry.changes for entry in entries])


def test_a_password_that_was_set_is_told_and_logged(client, frank, dr_chen, mailoutbox):
    client.post(
        reverse("admin:auth_user_password_change", args=[dr_chen.pk]),
        {"usable_password": "true", "password1": NEW, "password2": NEW},
    )
    dr_chen.refresh_from_db()
    assert dr_chen.check_password(NEW)
    assert "set a new password" in notice(mailoutbox, dr_chen)
    assert "password" in logged(dr_chen, frank)
    assert dr_chen.password not in logged(dr_chen, frank)
    assert dr_chen.password[-8:] not in logged(dr_chen, frank)


def test_a_password_that_was_switched_off_ends_what_it_opened_and_is_told(
    client, frank, dr_chen, mailoutbox
):
    program, browser = program_of(dr_chen), Client()
    assert program.get("/api/v1/account/").status_code == 200
    browser.force_login(dr_chen)
    dr_chen.push_subscriptions.create(endpoint="https://push.example.org/1")
    address = reverse("admin:auth_user_password_change", args=[dr_chen.pk])
    client.post(address, {"usable_password": "false", "unset-password": "1"})
    assert not User.objects.get(pk=dr_chen.pk).has_usable_password()
    assert program.get("/api/v1/account/").status_code == 401
    assert browser.get(reverse("accounts:account")).status_code == 302
    assert not dr_chen.push_subscriptions.exists()
    said = notice(mailoutbox, dr_chen)
    assert "switched off signing in with the password" in said
    assert "set a new password" not in said


def test_one_that_was_off_already_ends_and_tells_nothing(client, frank, dr_chen, mailoutbox):
    dr_chen.set_unusable_password()
    dr_chen.save()
    AuthToken.objects.create(dr_chen)  # of a sign-in through the identity provider
    address = reverse("admin:auth_user_password_change", args=[dr_chen.pk])
    client.post(address, {"usable_password": "false", "unset-password": "1"})
    client.post(page(dr_chen), fields(dr_chen, "doctor", is_staff="on", display_name="Dr C."))
    assert dr_chen.auth_token_set.count() == 1
    assert not mailoutbox


@pytest.mark.parametrize("spelling", range(6))
def test_however_the_id_is_spelled(client, frank, dr_chen, mailoutbox, spelling):
    client.post(
        reverse("admin:auth_user_password_change", args=[spellings(dr_chen)[spelling]]),
        {"usable_password": "true", "password1": NEW, "password2": NEW},
    )
    assert "set a new password" in notice(mailoutbox, dr_chen)


def test_a_password_that_was_refused_is_not_told(client, frank, dr_chen, mailoutbox):
    address = reverse("admin:auth_user_password_change", args=[dr_chen.pk])
    client.post(address, {"usable_password": "true", "password1": "short", "password2": "short"})
    assert not mailoutbox


def test_a_role_that_was_given_is_told(client, frank, alice, mailoutbox):
    client.post(page(alice), fields(alice, "person", "doctor", is_staff="on"))
    assert "person, doctor" in notice(mailoutbox, alice)
    assert "doctor" in logged(alice, frank)


def test_roles_are_told_in_the_language_of_who_has_them(client, frank, alice, mailoutbox):
    User.objects.filter(pk=alice.pk).update(language="nl")
    client.post(page(alice), fields(alice, "person", "doctor", "administrator", is_staff="on"))
    assert "persoon, arts, beheerder, medewerker" in notice(mailoutbox, alice)


def test_staff_that_was_given_or_taken_is_told(client, frank, alice, mailoutbox):
    client.post(page(alice), fields(alice, "person", is_staff="on"))
    assert "person, staff" in notice(mailoutbox, alice)
    mailoutbox.clear()
    client.post(page(alice), fields(alice, "person"))
    assert "what your account may do: person." in notice(mailoutbox, alice)


def test_a_name_that_was_corrected_is_not(client, frank, alice, mailoutbox):
    client.post(page(alice), fields(alice, "person", display_name="Alice A."))
    assert not mailoutbox


def test_a_second_factor_that_was_removed_is_told(client, frank, dr_chen, mailoutbox):
    factor = Authenticator.objects.get(user=dr_chen)
    client.post(reverse("admin:mfa_authenticator_delete", args=[factor.pk]), {"post": "yes"})
    assert "removed a second step" in notice(mailoutbox, dr_chen)


def test_also_from_the_list(client, frank, dr_chen, mailoutbox):
    factor = Authenticator.objects.get(user=dr_chen)
    chosen = {"action": "delete_selected", "_selected_action": [factor.pk], "post": "yes"}
    client.post(reverse("admin:mfa_authenticator_changelist"), chosen)
    assert "removed a second step" in notice(mailoutbox, dr_chen)


# --- one source for the address ------------------------------------------------------------------


def test_a_replaced_address_neither_signs_in_nor_gets_links(client, frank, alice, mailoutbox):
    alice.emailaddress_set.create(email="second@example.org", verified=True)
    client.post(page(alice), fields(alice, "person", email="New@example.org"))
    assert alice.emailaddress_set.get().email == "new@example.org"
    assert "new@example.org" in notice(mailoutbox, alice)  # at the old address
    mailoutbox.clear()
    for old in ("alice@example.org", "second@example.org"):
        stranger = Client()
        stranger.post(reverse("account_login"), {"login": old, "password": PASSWORD})
        assert "_auth_user_id" not in stranger.session
        stranger.post(reverse("account_reset_password"), {"email": old})
    assert not any("/reset/key/" in mail.body for mail in mailoutbox)
    stranger.post(reverse("account_login"), {"login": "new@example.org", "password": PASSWORD})
    assert "_auth_user_id" in stranger.session


def test_by_any_door(alice):
    """A shell, a command, a form: the address that stands in the account is the address."""
    alice.email = "other@example.org"
    alice.save()
    assert list(alice.emailaddress_set.values_list("email", "primary", "verified")) == [
        ("other@example.org", True, False)
    ]


def test_a_person_who_takes_another_of_their_own_keeps_both(client, alice):
    alice.emailaddress_set.create(email="second@example.org", verified=True)
    client.force_login(alice)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    second = {"action_primary": "", "email": "second@example.org"}
    client.post(reverse("account_email"), second)
    alice.refresh_from_db()
    assert alice.email == "second@example.org"
    assert alice.emailaddress_set.count() == 2
