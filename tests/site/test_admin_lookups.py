"""What the lists of the administration don't show, their filters don't tell letter by letter."""

import pytest
from django.urls import reverse

from tests.factories import TOTP_SECRET, assessed


@pytest.fixture
def frank(frank, client):
    client.force_login(frank)
    return frank


def count(client, model: str, **lookup) -> int | None:
    """How many the list finds; None where it refuses to look."""
    answer = client.get(reverse(f"admin:{model}_changelist"), lookup)
    return answer.context["cl"].result_count if answer.status_code == 200 else None


@pytest.mark.parametrize("letters", [TOTP_SECRET[:1], "0"])
def test_the_secret_of_a_second_factor(client, frank, dr_chen, letters):
    for lookup in ("data__secret__startswith", "data__icontains", "data__secret"):
        assert count(client, "mfa_authenticator", **{lookup: letters}) is None


@pytest.mark.parametrize(
    ("model", "lookup"),
    [
        ("accounts_user", "password__startswith"),
        ("accounts_user", "auth_token_set__digest__startswith"),
        ("accounts_user", "authenticator__data__icontains"),
        ("knox_authtoken", "digest__startswith"),
        ("knox_authtoken", "token_key__startswith"),
        ("knox_authtoken", "user__password__startswith"),
        ("auditlog_logentry", "actor__password__startswith"),
    ],
)
def test_other_secrets(client, frank, dr_chen, model, lookup):
    assert count(client, model, **{lookup: "a"}) is None


def test_what_a_doctor_is_not_shown_of_a_person(client, dr_chen, alice):
    assessed(owner=alice)
    client.force_login(dr_chen)
    for lookup in ("owner__email__startswith", "owner__password__startswith"):
        assert count(client, "diagnosis_molerecord", **{lookup: "a"}) is None


def test_what_the_lists_show_can_be_filtered(client, frank, dr_chen):
    assert count(client, "mfa_authenticator", type__exact="totp") == 2
    assert count(client, "accounts_user", is_staff__exact="1") == 2
