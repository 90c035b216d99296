"""Of two changes of an account at once neither takes back the other."""

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.db import DatabaseError, transaction
from django.db.models.signals import pre_save
from django.test import Client
from django.urls import reverse
from knox.models import AuthToken

from accounts.models import User
from tests.factories import PASSWORD, UserFactory, program_of

NEW = "another long enough passphrase"


@pytest.fixture
def meanwhile(alice):
    """Have alice's row changed after a request has read it, and before the request writes it."""
    playing = []

    def change(**fields):
        def play(**_):
            User.objects.filter(pk=alice.pk).update(**fields)

        playing.append(play)
        pre_save.connect(play, sender=User)

    yield change
    for play in playing:
        pre_save.disconnect(play, sender=User)


def page(name, **fields):
    def send(alice):
        browser = Client()
        browser.force_login(alice)
        return lambda: browser.post(reverse(name), fields)

    return send


def program(alice):
    api = program_of(alice)
    return lambda: api.patch("/api/v1/account/", {"display_name": "Alice A."}, format="json")


def administrator(name, **fields):
    def send(alice):
        browser = Client()
        browser.force_login(UserFactory(display_name="frank", role="administrator", is_staff=True))
        group = Group.objects.get(name="person").pk
        sent = {"email": alice.email, "is_active": "on", "groups": [group]} | fields
        return lambda: browser.post(reverse(name, args=[alice.pk]), sent)

    return send


@pytest.mark.parametrize(
    ("door", "stored"),
    [
        (page("accounts:details", display_name="Alice A."), {"display_name": "Alice A."}),
        (page("accounts:sex", sex_at_birth="female"), {"sex_at_birth": "female"}),
        (page("accounts:preferences", language="fr", time_zone=""), {"language": "fr"}),
        (page("accounts:notifications"), {"reminder_emails": False, "verdict_emails": False}),
        (program, {"display_name": "Alice A."}),
        (
            administrator("admin:accounts_user_change", display_name="Alice A."),
            {"display_name": "Alice A."},
        ),
    ],
)
def test_a_new_password_and_a_deactivation_stay(alice, meanwhile, door, stored):
    send = door(alice)
    changed = {"password": make_password(NEW), "is_active": False}
    meanwhile(**changed)
    assert send().status_code in (200, 302)
    assert User.objects.filter(pk=alice.pk).values(*changed, *stored).get() == changed | stored


@pytest.mark.parametrize(
    "door",
    [
        page("account_change_password", oldpassword=PASSWORD, password1=NEW, password2=NEW),
        administrator(
            "admin:auth_user_password_change", usable_password="true", password1=NEW, password2=NEW
        ),
    ],
)
def test_nor_does_a_new_password_take_back_a_deactivation(alice, meanwhile, door):
    send = door(alice)
    meanwhile(is_active=False, display_name="Alice A.")
    assert send().status_code == 302
    alice = User.objects.get(pk=alice.pk)
    assert alice.check_password(NEW)
    assert (alice.is_active, alice.display_name) == (False, "Alice A.")


def test_an_account_that_was_deleted_meanwhile_does_not_come_back(alice):
    read_before = User.objects.get(pk=alice.pk)
    User.objects.filter(pk=alice.pk).delete()
    read_before.display_name = "Alice A."
    with pytest.raises(DatabaseError), transaction.atomic():
        read_before.save()
    assert not User.objects.exists()


def test_what_was_read_again_counts_as_stored(alice):
    alice.display_name = "Alice A."
    User.objects.filter(pk=alice.pk).update(is_active=False)
    alice.refresh_from_db(fields=["is_active"])
    User.objects.filter(pk=alice.pk).update(is_active=True)
    alice.save()
    stored = User.objects.values("display_name", "is_active").get(pk=alice.pk)
    assert stored == {"display_name": "Alice A.", "is_active": True}


def test_what_was_not_read_ends_nothing(alice):
    """Of people without a password, tokens of a sign-in through the identity provider."""
    alice.set_unusable_password()
    alice.save()
    AuthToken.objects.create(alice)
    without_password = User.objects.defer("password").get(pk=alice.pk)
    without_password.display_name = "Alice A."
    without_password.save()
    assert alice.auth_token_set.exists()


@pytest.fixture
def tab(client, dr_chen, frank):
    """A form over a doctor's account that an administrator opened and sends later, as it was."""
    client.force_login(frank)
    address = reverse("admin:accounts_user_change", args=[dr_chen.pk])
    page = client.get(address)
    fields = {}
    for field in page.context["adminform"].form:
        shown = field.field.prepare_value(field.value())
        if field.field.disabled or shown is None:
            continue
        if shown is not False:
            fields[field.html_name] = "on" if shown is True else shown
        if f'name="{field.html_initial_name}"' in page.content.decode():
            fields[field.html_initial_name] = shown
    return lambda **changes: client.post(address, fields | changes)


def test_a_form_that_was_open_on_another_tab_opens_no_account_that_was_closed(tab, dr_chen):
    User.objects.filter(pk=dr_chen.pk).update(is_active=False, is_staff=False)
    dr_chen.groups.set(Group.objects.filter(name="person"))
    assert tab(display_name="Dr Chen Wei").status_code == 302
    dr_chen = User.objects.get(pk=dr_chen.pk)
    assert (dr_chen.is_active, dr_chen.is_staff) == (False, False)
    assert dr_chen.groups.get().name == "person"
    assert dr_chen.display_name == "Dr Chen Wei"


def test_what_was_changed_in_it_counts(tab, dr_chen):
    administrators = Group.objects.get(name="administrator")
    groups = [*dr_chen.groups.values_list("pk", flat=True), administrators.pk]
    assert tab(groups=groups, date_of_birth="1970-01-31").status_code == 302
    dr_chen = User.objects.get(pk=dr_chen.pk)
    assert set(dr_chen.groups.values_list("name", flat=True)) == {"doctor", "administrator"}
    assert (dr_chen.is_active, dr_chen.date_of_birth.year) == (True, 1970)
