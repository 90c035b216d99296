import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction

from accounts.models import User
from tests.factories import PASSWORD, UserFactory


def test_an_address_belongs_to_one_account_in_any_letter_case(alice):
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("Alice@Example.org")
    with pytest.raises(ValidationError, match="already an account"):
        User(email="ALICE@example.org", password="x").full_clean()


def test_the_database_refuses_an_address_that_is_not_in_lower_case(alice):
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=alice.pk).update(email="Alice@example.org")


def test_people_log_in_in_any_letter_case(alice, client):
    assert client.login(email="ALICE@example.org", password=PASSWORD)


def test_only_doctors_are_doctors(alice, dr_chen):
    assert dr_chen.has_perm("diagnosis.add_review")
    assert not alice.has_perm("diagnosis.add_review")


def test_a_superuser_may_do_everything(db):
    root = User.objects.create_superuser("root@example.org", PASSWORD)
    assert root.has_perm("accounts.delete_user")
    assert root.is_staff


def test_demo_accounts_are_made_once_and_work(db, client, capsys):
    call_command("create_demo_accounts")
    call_command("create_demo_accounts")
    assert {user.email: user.is_staff for user in User.objects.all()} == {
        "person@example.org": False,
        "doctor@example.org": True,
    }
    assert User.objects.get(email="doctor@example.org").has_perm("diagnosis.add_review")
    assert client.login(email="person@example.org", password="mole-check-demo")


def test_factories_make_people_who_could_have_signed_up(db):
    UserFactory().full_clean()
