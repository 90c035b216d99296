"""Sign-in through an identity provider: a real one, which this file starts."""

import socket
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP
from auditlog.models import LogEntry
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from knox.models import AuthToken

from accounts.models import User
from tests.factories import (
    PASSWORD,
    TOTP_SECRET,
    RecordFactory,
    UserFactory,
    assessed,
    confirmed_session,
    current_code,
)
from tests.identity_provider import running

pytestmark = pytest.mark.django_db

LOGIN = "/account/oidc/clinic/login/"
CHEN = {"name": "Chen Wei", "email": "chen@clinic.example", "email_verified": True}


@pytest.fixture(scope="module")
def program():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with running(port) as provider:
        yield provider


@pytest.fixture
def provider(program, settings):
    """One that the settings name."""
    program.configure(settings)
    return program


def sign_in(client: Client, sub: str, path: str = LOGIN):
    """The whole way, as a browser goes it: here, there, back; the last answer."""
    to_provider = client.get(path)
    assert to_provider.status_code == 302, to_provider.content
    back = requests.post(to_provider.url, data={"sub": sub}, allow_redirects=False).headers[
        "Location"
    ]
    parts = urlsplit(back)
    return client.get(f"{parts.path}?{parts.query}")


def test_who_is_new_here_gets_a_persons_account_without_a_password(provider, client) -> None:
    provider.let_exist("chen", **CHEN)
    answer = sign_in(client, "chen", f"{LOGIN}?next=/records/")
    assert answer.url == "/records/"
    person = User.objects.get()
    assert (person.email, person.display_name) == ("chen@clinic.example", "Chen Wei")
    assert list(person.groups.values_list("name", flat=True)) == ["person"]
    assert not person.is_staff
    assert not person.has_usable_password()
    assert EmailAddress.objects.get().verified
    assert client.get("/records/").status_code == 200
    entry = LogEntry.objects.filter(additional_data__action="sign-in").get()
    assert entry.additional_data["by"] == "socialaccount"


def test_the_same_person_comes_back_to_the_same_account_under_another_address(provider, client):
    provider.let_exist("chen", **CHEN)
    sign_in(client, "chen")
    provider.let_exist("chen", **CHEN | {"email": "wei@clinic.example"})
    sign_in(Client(), "chen")
    assert User.objects.count() == 1


def test_who_signs_in_over_the_open_session_of_another_gets_an_empty_browser(provider, client):
    provider.let_exist("chen", **CHEN)
    provider.let_exist("wu", **CHEN | {"email": "wu@clinic.example"})
    for sub, cleared in (("chen", None), ("wu", '"cache", "storage"'), ("wu", None)):
        answer = sign_in(client, sub)
        assert answer.get("Clear-Site-Data") == cleared
        person = User.objects.get(pk=client.session["_auth_user_id"])
        assert client.cookies["device_of"].value == person.pseudonym


def test_pictures_need_the_consent_that_nobody_has_asked_for_yet(provider, client) -> None:
    provider.let_exist("chen", **CHEN)
    sign_in(client, "chen")
    assert client.get("/records/new/").url.startswith(reverse("accounts:consent"))


def test_mails_come_in_the_language_of_the_first_sign_in(provider, client) -> None:
    provider.let_exist("chen", **CHEN)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "de-AT"
    sign_in(client, "chen")
    assert User.objects.get().language == "de"


@pytest.fixture
def roles(provider, settings):
    given = {"dermatologists": "doctor", "it": "administrator"}
    provider.configure(settings, roles=given, second_step=("mfa",))


def test_the_providers_groups_give_and_take_the_role(provider, roles, client) -> None:
    provider.let_exist("chen", **CHEN, groups=["dermatologists", "everybody"])
    sign_in(client, "chen")
    person = User.objects.get()
    assert list(person.groups.values_list("name", flat=True)) == ["doctor"]
    assert person.is_staff
    provider.let_exist("chen", **CHEN, groups=["everybody"])
    sign_in(Client(), "chen")
    person.refresh_from_db()
    assert list(person.groups.values_list("name", flat=True)) == ["person"]
    assert not person.is_staff


def test_a_group_that_comes_alone_as_a_word_counts_too(provider, roles, client) -> None:
    provider.let_exist("chen", **CHEN, groups="it")
    sign_in(client, "chen")
    assert User.objects.get().groups.get().name == "administrator"


def test_without_a_table_of_roles_administrators_decide_here(provider, client, dr_chen) -> None:
    provider.let_exist("chen", **CHEN | {"email": dr_chen.email}, groups=["dermatologists"])
    sign_in(client, "chen")
    dr_chen.refresh_from_db()
    assert dr_chen.is_staff
    assert dr_chen.groups.get().name == "doctor"


def test_the_second_step_that_the_provider_vouches_for_opens_the_review_queue(
    provider, roles, client
) -> None:
    provider.let_exist("chen", **CHEN, groups=["dermatologists"], amr=["pwd", "mfa"])
    sign_in(client, "chen")
    assert client.get("/admin/").status_code == 200
    entry = LogEntry.objects.filter(additional_data__action="sign-in").get()
    assert entry.additional_data["by"] == "socialaccount + mfa"


def test_without_it_staff_are_led_to_a_second_step_here(provider, roles, client) -> None:
    provider.let_exist("chen", **CHEN, groups=["dermatologists"], amr=["pwd"])
    sign_in(client, "chen")
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0] == reverse("mfa_activate_totp")
    assert "Clinic login did not confirm a second step" in answer.content.decode()


def test_its_word_counts_for_that_sign_in_only_not_for_one_by_password(
    provider, roles, client
) -> None:
    provider.let_exist("chen", **CHEN, groups=["dermatologists"], amr=["mfa"])
    sign_in(client, "chen")
    person = User.objects.get()
    person.set_password(PASSWORD)
    person.save()
    credentials = {"email": person.email, "password": PASSWORD}
    other = Client()
    other.post(reverse("account_login"), {"login": person.email, "password": PASSWORD})
    assert other.get("/records/").status_code == 200
    assert other.get("/admin/").status_code == 302
    assert client.post("/api/v1/auth/token/", credentials).status_code == 400


@pytest.fixture
def left(provider, roles, client):
    """A doctor who signed in by the provider, which has taken the role away since."""
    provider.let_exist("chen", **CHEN, groups=["dermatologists"], amr=["mfa"])
    sign_in(client, "chen")
    person = User.objects.get()
    person.set_password(PASSWORD)
    person.save()
    TOTP.activate(person, TOTP_SECRET)
    provider.let_exist("chen", **CHEN, groups=[])
    return person


def test_where_the_provider_decides_about_roles_none_is_kept_by_a_password_here(
    left, client, alice
) -> None:
    theirs = assessed(owner=alice)
    # By password and second step of this site.
    client.cookies["sessionid"] = confirmed_session(left)
    answer = client.get("/admin/", follow=True)
    assert "Clinic login decides who is staff here" in answer.content.decode()
    assert answer.redirect_chain[-1][0] == "/account/"
    assert client.get(f"/api/v1/fhir/DiagnosticReport/{theirs.pk}").status_code == 404
    assert client.get("/api/v1/queue/").status_code == 403
    assert client.post("/account/tokens/").url == "/account/"
    credentials = {"email": left.email, "password": PASSWORD, "code": current_code(TOTP_SECRET)}
    refused = client.post("/api/v1/auth/token/", credentials)
    assert refused.status_code == 400
    assert "Clinic login decides" in refused.json()["detail"]
    assert not left.auth_token_set.exists()
    assert client.get("/records/").status_code == 200


@pytest.mark.parametrize(("days", "works"), [(6, True), (8, False)])
def test_a_token_of_staff_works_while_they_sign_in_there(left, alice, days, works) -> None:
    """Who has left the clinic does not come back, and nothing tells this site."""
    token = AuthToken.objects.create(left, expiry=timedelta(days=365))[1]
    then = timezone.now() - timedelta(days=days)
    left.socialaccount_set.update(last_login=then)
    program = Client(headers={"Authorization": f"Token {token}"})
    answer = program.get("/api/v1/queue/")
    assert answer.status_code == (200 if works else 401)
    assert works or "Clinic login decides" in answer.json()["detail"]
    left.socialaccount_set.update(last_login=timezone.now())
    assert program.get("/api/v1/queue/").status_code == 200


def test_one_of_a_person_works_on(provider, roles, client, alice) -> None:
    token = AuthToken.objects.create(alice)[1]
    alice.socialaccount_set.create(provider="clinic", uid="a1")
    alice.socialaccount_set.update(last_login=timezone.now() - timedelta(days=20))
    answer = client.get("/api/v1/records/", headers={"Authorization": f"Token {token}"})
    assert answer.status_code == 200


def test_a_superuser_and_where_administrators_decide_a_password_opens_it_as_before(
    left, client, provider, settings
) -> None:
    provider.configure(settings, second_step=("mfa",))
    client.force_login(left)
    assert client.get("/admin/").status_code == 200
    provider.configure(settings, roles={"it": "administrator"}, second_step=("mfa",))
    assert client.get("/admin/").status_code == 302
    User.objects.filter(pk=left.pk).update(is_superuser=True)
    assert client.get("/admin/").status_code == 200


def test_a_verified_address_ties_the_identity_to_the_account_that_is_there(
    provider, client, alice
) -> None:
    provider.let_exist("a1", name="Alice", email=alice.email.upper(), email_verified=True)
    sign_in(client, "a1")
    assert client.get("/account/").context["user"] == alice
    assert alice.socialaccount_set.get().uid == "a1"
    alice.refresh_from_db()
    assert alice.has_usable_password()
    assert alice.display_name == "alice"


@pytest.mark.parametrize("said", [{}, {"email_verified": False}, {"email_verified": "false"}])
def test_an_unverified_one_opens_nobodys_account(
    provider, client, alice, mailoutbox, settings, said
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    provider.let_exist("mallory", name="Mallory", email=alice.email, **said)
    sign_in(client, "mallory")
    assert client.get("/account/").status_code == 302
    assert not alice.socialaccount_set.exists()
    assert User.objects.count() == 1
    assert [mail.to for mail in mailoutbox] == [[alice.email]]  # that somebody tried


def test_nor_does_a_verified_one_open_an_account_that_only_claims_it(
    provider, client, alice
) -> None:
    """Whoever wrote a colleague's address into an account would be let in to it with them."""
    mallory = UserFactory(display_name="mallory")
    browser = Client()
    browser.force_login(mallory)
    browser.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    browser.post(reverse("account_email"), {"action_add": "", "email": CHEN["email"]})
    assert mallory.emailaddress_set.filter(email=CHEN["email"], verified=False).exists()
    provider.let_exist("chen", **CHEN)
    sign_in(client, "chen")
    person = client.get("/account/").context["user"]
    assert person.email == CHEN["email"]
    assert EmailAddress.objects.get(email=CHEN["email"]) == person.emailaddress_set.get()
    assert browser.get("/account/").context["user"] == mallory  # signed in as before


@pytest.mark.parametrize("confirmed", [True, False])
def test_of_an_account_whose_address_nobody_confirmed_no_way_in_is_left(
    provider, client, alice, confirmed
) -> None:
    """Somebody else may have signed up with it, where addresses need not be confirmed."""
    alice.emailaddress_set.update(verified=confirmed)
    alice.emailaddress_set.create(email="further@example.org", verified=True)
    TOTP.activate(alice, TOTP_SECRET)
    alice.auth_token_set.model.objects.create(alice)
    theirs = Client()
    theirs.force_login(alice)
    provider.let_exist("a1", name="Alice", email=alice.email, email_verified=True)
    sign_in(client, "a1")
    alice = User.objects.get()
    assert alice.socialaccount_set.get().uid == "a1"
    assert alice.has_usable_password() == confirmed
    assert alice.has_second_factor == confirmed
    assert alice.auth_token_set.exists() == confirmed
    assert alice.emailaddress_set.filter(email="further@example.org").exists() == confirmed
    assert (theirs.get("/account/").status_code == 200) == confirmed


@pytest.mark.parametrize("used", [True, False])
def test_nor_what_who_signed_up_with_it_said_of_themselves(provider, client, alice, used) -> None:
    alice.emailaddress_set.update(verified=False)
    if used:
        RecordFactory(owner=alice)
    provider.let_exist("a1", name="Alice", email=alice.email, email_verified=True)
    sign_in(client, "a1")
    alice = User.objects.get()
    assert (alice.display_name == "alice") == used
    assert (alice.date_of_birth is not None) == used
    assert bool(alice.consent_version) == used


def test_a_domain_whose_addresses_count_as_verified(provider, client, alice, settings) -> None:
    provider.configure(settings, verified_domains=("example.org",))
    provider.let_exist("a1", name="Alice", email=alice.email)
    sign_in(client, "a1")
    assert alice.socialaccount_set.exists()


def test_of_a_name_is_taken_what_can_be_seen(provider, client) -> None:
    provider.let_exist("chen", **CHEN | {"name": "Dr\x07 \u202enehC"})
    sign_in(client, "chen")
    assert User.objects.get().display_name == "Dr nehC"


def test_nobody_ties_an_identity_to_the_session_that_is_open(provider, client, alice) -> None:
    client.force_login(alice)
    provider.let_exist("mallory", name="Mallory", email="mallory@example.org", email_verified=True)
    assert sign_in(client, "mallory", f"{LOGIN}?process=connect").status_code == 403
    assert not alice.socialaccount_set.exists()
    assert client.get("/account/3rdparty/").status_code == 404


def test_an_account_that_is_closed_here_stays_closed(provider, client, alice) -> None:
    alice.is_active = False
    alice.save()
    provider.let_exist("a1", name="Alice", email=alice.email, email_verified=True)
    sign_in(client, "a1")
    assert client.get("/account/").status_code == 302


def test_who_stops_at_the_provider_is_not_signed_in_and_told_so(provider, client) -> None:
    state = parse_qs(urlsplit(client.get(LOGIN).url).query)["state"][0]
    refusal = {"error": "access_denied", "state": state}
    answer = client.get("/account/oidc/clinic/login/callback/", refusal)
    page = client.get(answer.url).content.decode()
    assert "You stopped before the end" in page
    assert LogEntry.objects.filter(additional_data__action="sign-in refused").exists()


def test_an_answer_that_nobody_asked_for_is_refused(provider, client) -> None:
    answer = client.get("/account/oidc/clinic/login/callback/?code=1&state=guessed")
    assert answer.status_code == 401
    assert "Clinic login did not let you in" in answer.content.decode()


def test_a_provider_that_is_down_says_so_and_when_to_come_back(
    provider, client, settings, unused_tcp_port
) -> None:
    provider.configure(settings, url=f"http://localhost:{unused_tcp_port}")
    answer = client.get(LOGIN)
    assert answer.status_code == 503
    assert answer["Retry-After"] == "60"
    assert "can’t be reached" in answer.content.decode()


@pytest.mark.parametrize("is_page", [False, True])
def test_so_does_an_address_at_which_no_provider_answers(
    provider, client, settings, caplog, monkeypatch, is_page
) -> None:
    """Of a realm with a typing error, or of a page of another program."""
    provider.configure(settings, url=f"{provider.address}/no-such-realm")
    if is_page:
        page = requests.Response()
        page.status_code, page._content = 200, b"<html>"
        monkeypatch.setattr(requests.Session, "request", lambda *_args, **_kwargs: page)
    answer = client.get(LOGIN)
    assert answer.status_code == 503
    assert "The identity provider can't be reached" in caplog.text


def test_one_that_goes_down_in_the_middle_too(provider, client, settings, unused_tcp_port) -> None:
    provider.let_exist("chen", **CHEN)
    to_provider = client.get(LOGIN)
    back = requests.post(to_provider.url, data={"sub": "chen"}, allow_redirects=False)
    parts = urlsplit(back.headers["Location"])
    provider.configure(settings, url=f"http://localhost:{unused_tcp_port}")
    answer = client.get(f"{parts.path}?{parts.query}")
    assert answer.status_code == 503
    assert not User.objects.exists()


def test_without_a_provider_there_is_no_such_page(client) -> None:
    assert client.get(LOGIN).status_code == 404
    assert "oidc" not in client.get("/account/login/").content.decode()


def test_where_passwords_are_off_only_the_provider_lets_people_in(
    provider, client, settings, alice
) -> None:
    settings.LOCAL_PASSWORDS = False
    page = client.get("/account/login/?next=/records/").content.decode()
    assert f'href="{LOGIN}?next=%2Frecords%2F"' in page
    assert 'type="password"' not in page
    client.post("/account/login/", {"login": alice.email, "password": PASSWORD})
    assert client.get("/account/").status_code == 302
    for name in ("account_signup", "account_reset_password", "account_change_password"):
        assert client.get(reverse(name)).status_code == 404
        assert client.post(reverse(name), {"email": alice.email}).status_code == 404
    credentials = {"email": alice.email, "password": PASSWORD}
    refused = client.post("/api/v1/auth/token/", credentials)
    assert refused.status_code == 403
    assert "Make a token on your account page" in refused.json()["detail"]
    new = {"email": "new@example.org", "password": PASSWORD, "date_of_birth": "1990-05-17"}
    made = client.post("/api/v1/auth/signup/", new | {"consent": True}, "application/json")
    assert made.status_code == 403
    assert not User.objects.filter(email="new@example.org").exists()
    assert "Create an account" not in client.get("/").content.decode()
    provider.let_exist("a1", name="Alice", email=alice.email, email_verified=True)
    sign_in(client, "a1")
    account = client.get("/account/").content.decode()
    assert "Clinic login" in account
    assert "your password" not in account


@pytest.fixture
def signed_in_alice(provider, client, settings, alice):
    """alice, who once had a password, by the provider where passwords are off."""
    settings.LOCAL_PASSWORDS = False
    provider.let_exist("a1", name="Alice", email=alice.email, email_verified=True)
    sign_in(client, "a1")
    return client


@pytest.mark.parametrize("step", ["data/", "data/download/", "delete/"])
def test_who_once_had_a_password_is_not_asked_for_it_where_passwords_are_off(signed_in_alice, step):
    assert signed_in_alice.get(f"/account/{step}").status_code == 200


def test_nor_before_a_token(signed_in_alice, alice):
    assert signed_in_alice.post("/account/tokens/").status_code == 200
    assert alice.auth_token_set.count() == 1


def test_but_for_the_second_step_that_is_on(signed_in_alice, alice):
    TOTP.activate(alice, TOTP_SECRET)
    asked = signed_in_alice.post("/account/tokens/")
    assert asked.url.startswith(reverse("mfa_reauthenticate"))
    page = signed_in_alice.get(asked.url).content.decode()
    assert "Use your password" not in page
    assert signed_in_alice.get(reverse("account_reauthenticate")).url == reverse(
        "mfa_reauthenticate"
    )


def named(**variables: str):
    from accounts import identity_provider
    from skincare_site.environment import Environment

    env = Environment()
    env.ENVIRON = variables
    return identity_provider.named_by(env)


def test_the_environment_names_it() -> None:
    facts = {"OIDC_URL": "https://login.example/", "OIDC_CLIENT_ID": "a", "OIDC_CLIENT_SECRET": "b"}
    provider = named(**facts, OIDC_ROLES='{"CN=Skin, OU=Clinic": "doctor"}', OIDC_SECOND_STEP="mfa")
    assert provider.roles == {"CN=Skin, OU=Clinic": "doctor"}
    assert provider.second_step == ("mfa",)
    app = provider.for_allauth()["openid_connect"]["APPS"][0]
    assert app["settings"]["server_url"] == "https://login.example"
    assert named() is None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"OIDC_CLIENT_SECRET": ""}, "OIDC_CLIENT_SECRET"),
        ({"OIDC_ROLES": '{"dermatologists": "surgeon"}'}, "roles are person, doctor"),
        ({"OIDC_ROLES": "dermatologists=doctor"}, "OIDC_ROLES"),
    ],
)
def test_what_is_wrong_with_it_stops_the_start_by_name(wrong, says) -> None:
    facts = {"OIDC_URL": "https://login.example", "OIDC_CLIENT_ID": "a", "OIDC_CLIENT_SECRET": "b"}
    facts = {name: value for name, value in (facts | wrong).items() if value}
    with pytest.raises(ImproperlyConfigured, match=says):
        named(**facts)
