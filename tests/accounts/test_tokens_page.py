"""Tokens for programs, made, listed and revoked on a page."""

import re
import time

from django.urls import reverse
from knox.models import AuthToken
from rest_framework.test import APIClient

from accounts.identity_provider import IdentityProvider
from tests.factories import UserFactory

TOKENS = reverse("accounts:tokens")


def works(token: str) -> bool:
    answer = APIClient().get("/api/v1/records/", headers={"Authorization": f"Token {token}"})
    return answer.status_code == 200


def test_a_token_is_shown_once_and_works_until_it_is_revoked(confirmed, alice):
    page = confirmed.post(TOKENS)
    token = re.search(r'id="made"[^>]*value="(\w+)"', page.content.decode())[1]
    assert "no-store" in page["Cache-Control"]
    assert works(token)
    later = confirmed.get(TOKENS).content.decode()
    assert token not in later
    assert token[:8] in later
    digest = AuthToken.objects.get().digest
    confirmed.post(reverse("accounts:token_revoke"), {"token": digest})
    assert not works(token)


def test_to_revoke_one_that_no_longer_works_says_that_it_does_not(confirmed, alice):
    token, _secret = AuthToken.objects.create(alice)
    for _again in range(2):
        answer = confirmed.post(
            reverse("accounts:token_revoke"), {"token": token.digest}, follow=True
        )
        assert "The token no longer works." in answer.content.decode()


def test_a_double_click_makes_one(confirmed):
    """Of two, the first would be in an answer that nobody sees."""
    for page in (confirmed.get(TOKENS), confirmed.post(TOKENS)):
        html = page.content.decode()
        assert re.search(r'<form method="post"[^>]* data-busy>', html)
        assert "js/busy.js" in html


def test_the_password_is_asked_for_again_before_one_is_made(client, alice):
    client.force_login(alice)
    assert client.post(TOKENS).url.startswith(reverse("account_reauthenticate"))
    assert not AuthToken.objects.exists()


def test_alice_neither_sees_nor_revokes_the_token_of_bob(confirmed, alice, bob):
    token, _secret = AuthToken.objects.create(bob)
    assert token.token_key[:8] not in confirmed.get(TOKENS).content.decode()
    revoke = reverse("accounts:token_revoke")
    assert confirmed.post(revoke, {"token": token.digest}).status_code == 404
    assert AuthToken.objects.exists()


def test_staff_make_one_only_after_the_second_step_in_that_session(client, dr_chen):
    """As through an identity provider that did not ask for it."""
    client.force_login(dr_chen)
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session.save()
    for answer in (client.get(TOKENS), client.post(TOKENS)):
        assert "/reauthenticate/" in answer.url
    assert not AuthToken.objects.exists()


def test_nor_where_only_the_provider_has_a_second_step(client, settings, db):
    settings.IDENTITY_PROVIDER = IdentityProvider(
        "https://id.example.org", "id", "secret", second_step=("mfa",)
    )
    dr_diaz = UserFactory(role="doctor", is_staff=True, second_factor=False)
    dr_diaz.set_unusable_password()
    dr_diaz.save()
    dr_diaz.socialaccount_set.create(provider="clinic", uid="diaz")
    client.force_login(dr_diaz)
    session = client.session
    session["account_authentication_methods"] = [{"method": "socialaccount", "at": time.time()}]
    session.save()
    assert client.post(TOKENS).status_code == 302
    assert not AuthToken.objects.exists()
