"""Passwords that others guess first are refused at each door; long ones never are."""

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.urls import reverse

from accounts.passwords import BreachedValidator
from tests.factories import PASSWORD, sign_up


@pytest.mark.parametrize(
    "password",
    [
        *("password123", "qwertyuiop1", "P@ssw0rd2026!", "iloveyou1234", "football2024"),
        *("1q2w3e4r5t6y", "Sunshine12345", "aaaaaaaaaaaaaa", "letmein12345"),
    ],
)
def test_what_is_in_breaches_and_what_people_make_of_it(db, client, password):
    found = sign_up(client, password1=password, password2=password).context["form"].errors
    assert "password1" in found


@pytest.mark.parametrize(
    "password", ["correcthorsebatterystaple", "CorrectHorseBatteryStaple", " chocolatecake1 "]
)
def test_long_ones_of_known_breaches_however_hard_to_guess_they_look(password):
    with pytest.raises(ValidationError) as refused:
        BreachedValidator().validate(password)
    assert refused.value.code == "password_too_common"


def test_the_own_address_and_name(alice):
    for password in ("alice@example.org1", "alice-example-org"):
        with pytest.raises(ValidationError):
            validate_password(password, alice)


@pytest.mark.parametrize("password", [PASSWORD, "vier Katzen auf dem Dach", "w" + "ort und " * 500])
def test_phrases_are_taken_however_long(alice, password):
    validate_password(password, alice)


def test_it_says_what_to_do(client, alice):
    client.force_login(alice)
    fields = {"oldpassword": PASSWORD, "password1": "password123", "password2": "password123"}
    page = client.post(reverse("account_change_password"), fields).content.decode()
    assert "several words" in page
