"""Only administrators manage people; nobody makes themselves a superuser."""

from datetime import date

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Group
from django.urls import reverse

from accounts.models import User
from tests.factories import PASSWORD, UserFactory

LIST = reverse("admin:accounts_user_changelist")


@pytest.fixture
def administrator(db):
    return UserFactory(display_name="frank", role="administrator", is_staff=True)


def test_a_doctor_does_not_see_the_list_of_people(client, dr_chen):
    client.force_login(dr_chen)
    assert client.get(LIST).status_code == 403


def test_a_person_does_not_enter_the_admin(client, alice):
    client.force_login(alice)
    assert client.get(LIST).status_code == 302


def test_an_administrator_adds_a_doctor(client, administrator):
    client.force_login(administrator)
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
    assert diaz.is_doctor
    assert not diaz.is_superuser


def test_who_gave_which_role_to_whom_is_logged(client, administrator, alice):
    client.force_login(administrator)
    doctors = Group.objects.get(name="doctor")
    page = reverse("admin:accounts_user_change", args=[alice.pk])
    fields = {"email": alice.email, "is_active": "on", "is_staff": "on", "groups": [doctors.pk]}
    client.post(page, fields)
    entries = LogEntry.objects.get_for_object(alice).filter(actor=administrator)
    assert "doctor" in str([entry.changes for entry in entries])


@pytest.mark.parametrize("born", ["2999-03-27", "0198-03-27"])
def test_a_date_of_birth_that_can_not_be_is_not_taken(client, administrator, alice, born):
    client.force_login(administrator)
    page = reverse("admin:accounts_user_change", args=[alice.pk])
    fields = {"email": alice.email, "is_active": "on"}
    refused = client.post(page, fields | {"date_of_birth": born})
    assert "real date of birth" in refused.content.decode()
    assert client.post(page, fields | {"date_of_birth": "1982-03-27"}).status_code == 302
    alice.refresh_from_db()
    assert alice.date_of_birth == date(1982, 3, 27)


def test_superusers_are_out_of_an_administrators_reach(client, administrator):
    root = User.objects.create_superuser("root@example.org", PASSWORD)
    client.force_login(administrator)
    assert "root@example.org" not in client.get(LIST).content.decode()
    for page in ("change", "delete"):
        address = reverse(f"admin:accounts_user_{page}", args=[root.pk])
        assert client.post(address, {"post": "yes"}).status_code == 302
    assert User.objects.filter(pk=root.pk, is_active=True).exists()
