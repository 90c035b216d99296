"""The account page: what is kept, and where it is changed."""

import pytest
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from tests.factories import PASSWORD

ACCOUNT = reverse("accounts:account")


def test_it_shows_what_is_kept(client, alice):
    client.force_login(alice)
    page = client.get(ACCOUNT).content.decode()
    assert alice.email in page
    assert "27 Mar 1980" in page


@pytest.mark.parametrize(("version", "said"), [("2026-11-24", "24 Nov 2026"), ("first", "first")])
def test_the_wording_of_the_consent_is_named_by_its_day(client, alice, version, said):
    alice.consent_version = version
    alice.save()
    client.force_login(alice)
    assert f"in the wording of {said}" in client.get(ACCOUNT).content.decode()


@pytest.mark.parametrize("language", ["de", "nl"])
def test_a_consent_that_was_not_given_is_not_called_a_field_left_empty(client, alice, language):
    alice.language, alice.display_name = language, ""
    alice.consented_at, alice.consent_version = None, ""
    alice.save()
    client.force_login(alice)
    page = client.get(ACCOUNT).content.decode()
    with translation.override(language):
        assert page.count(f"<dd>{gettext('Not given')}</dd>") == 2  # name and sex at birth


def test_the_name_is_changed(client, alice):
    client.force_login(alice)
    response = client.post(reverse("accounts:details"), {"display_name": "Alice Liddell"})
    alice.refresh_from_db()
    assert (response.url, alice.display_name) == (ACCOUNT, "Alice Liddell")


def test_a_name_that_is_too_long_is_refused(client, alice):
    client.force_login(alice)
    response = client.post(reverse("accounts:details"), {"display_name": "A" * 101})
    assert response.status_code == 400
    assert "There is a problem" in response.content.decode()


def test_who_is_not_signed_in_is_asked_to(client, db):
    assert client.get(ACCOUNT).url == f"{reverse('account_login')}?next={ACCOUNT}"


def test_nobody_is_called_by_the_pseudonym_of_the_logs(client, alice):
    sent = {"login": alice.email, "password": PASSWORD}
    after = client.post(reverse("account_login"), sent, follow=True)
    assert after.context["user"] == alice
    assert alice.pseudonym not in after.content.decode()
