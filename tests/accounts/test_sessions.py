"""Where a person is signed in: listed, and ended from elsewhere."""

from urllib.parse import quote

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from django.urls import reverse

from tests.factories import PASSWORD, MoleFactory

SESSIONS = reverse("usersessions_list")


def signed_in(person, browser: str) -> Client:
    client = Client(headers={"User-Agent": browser})
    client.post(reverse("account_login"), {"login": person.email, "password": PASSWORD})
    return client


def is_in(client) -> bool:
    return client.get(reverse("accounts:account")).status_code == 200


@pytest.fixture
def phone(alice):
    return signed_in(alice, "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0")


@pytest.fixture
def laptop(alice):
    chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0.0.0 Safari/537.36"
    return signed_in(alice, chrome)


def test_both_are_listed_and_one_ends_the_other(phone, laptop):
    page = phone.get(SESSIONS).content.decode()
    assert "Chrome on Linux" in page
    assert "Firefox on Android" in page
    other = UserSession.objects.get(user_agent__contains="Chrome")
    phone.post(reverse("accounts:session_end", args=[other.pk]))
    assert is_in(phone)
    assert not is_in(laptop)


def test_one_that_has_ended_meanwhile_is_said_to_be_signed_out(phone, laptop):
    other = UserSession.objects.get(user_agent__contains="Chrome")
    laptop.post(reverse("account_logout"))
    phone.get(SESSIONS)  # on another tab; it is not listed any more
    answer = phone.post(reverse("accounts:session_end", args=[other.pk]), follow=True)
    assert answer.redirect_chain == [(SESSIONS, 302)]
    assert "That browser is signed out." in answer.content.decode()


def test_all_others_at_once(phone, laptop):
    phone.post(SESSIONS)
    assert is_in(phone)
    assert not is_in(laptop)


def test_a_new_password_ends_the_others(phone, laptop):
    new = "another long enough passphrase"
    answers = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    phone.post(reverse("account_change_password"), answers)
    assert is_in(phone)
    assert not is_in(laptop)


def test_a_stronger_hash_of_the_same_password_ends_none(phone, laptop, alice, settings):
    """As after an update of Django, at the next time that the password is asked for."""
    before = alice.password
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    phone.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    alice.refresh_from_db()
    assert alice.password != before
    assert is_in(phone)
    assert is_in(laptop)


def test_a_new_secret_key_leaves_both_in_the_list(phone, laptop, settings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another long secret key, which took the place of the first one"
    assert is_in(phone)
    assert is_in(laptop)
    assert "Chrome on Linux" in phone.get(SESSIONS).content.decode()
    other = UserSession.objects.get(user_agent__contains="Chrome")
    phone.post(reverse("accounts:session_end", args=[other.pk]))
    assert is_in(phone)
    assert not is_in(laptop)


@pytest.mark.parametrize("name", ["diagnosis:history", "diagnosis:moles", "accounts:account"])
def test_back_after_signing_out_shows_nothing(phone, name):
    assert phone.get(reverse(name))["Cache-Control"] == "private, no-store"
    answer = phone.post(reverse("account_logout"))
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert "Cache-Control" not in phone.get("/")


def test_whoever_signs_in_next_gets_an_empty_browser(phone, alice, bob):
    del phone.cookies["sessionid"]  # it ran out
    for person, cleared in ((alice, None), (bob, '"cache", "storage"')):
        answers = {"login": person.email, "password": PASSWORD}
        answer = phone.post(reverse("account_login"), answers)
        assert answer.get("Clear-Site-Data") == cleared
        del phone.cookies["sessionid"]


def test_also_after_a_sign_out_since_another_tab_may_have_stored_more(phone, alice, bob):
    phone.post(reverse("account_logout"))
    answers = {"login": bob.email, "password": PASSWORD}
    answer = phone.post(reverse("account_login"), answers)
    assert answer["Clear-Site-Data"] == '"cache", "storage"'


def test_alice_does_not_end_the_session_of_bob(phone, bob):
    bobs = signed_in(bob, "Opera")
    assert "A browser" not in phone.get(SESSIONS).content.decode()
    other = UserSession.objects.get(user=bob)
    assert phone.post(reverse("accounts:session_end", args=[other.pk])).status_code == 404
    assert is_in(bobs)


@pytest.mark.parametrize("door", ["accounts:preferences", "diagnosis:mole_reminder"])
def test_what_is_sent_after_the_session_ended_is_said_to_be_lost(client, alice, door):
    """Also to an address that is not a page, and leads nowhere after signing in."""
    mole = MoleFactory(owner=alice)
    address = reverse(door, args=[mole.pk] if "mole" in door else [])
    page = reverse("diagnosis:mole_detail", args=[mole.pk])
    answer = client.post(address, {}, headers={"Referer": f"http://testserver{page}?page=2"})
    assert answer.url == f"{reverse('account_login')}?next={quote(page + '?page=2', safe='')}"
    assert "what you just sent is not saved" in client.get(answer.url).content.decode()
    elsewhere = client.post(address, {}, headers={"Referer": "https://evil.example/"})
    assert elsewhere.url == f"{reverse('account_login')}?next={address}"


def test_a_page_that_is_opened_without_a_session_says_nothing_of_the_kind(client, db):
    answer = client.get(reverse("accounts:account"))
    assert "not saved" not in client.get(answer.url).content.decode()
