"""Sign-in through the clinic's own identity provider (OpenID Connect): docs/sign-in.md.

allauth speaks the protocol; here stands what the provider's word counts for. Whose account it is:
the provider's id of the person, at first an e-mail address that the provider has verified. What
they may do: the groups that the provider names, by OIDC_ROLES.
"""

import logging
from typing import Any

import requests
from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from allauth.account.signals import user_logged_in
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthError, AuthProcess
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Q
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language

from accounts import refusals
from accounts.addresses import drop_claims
from accounts.identity_provider import IdentityProvider
from accounts.models import User
from accounts.names import seen
from accounts.prehijacking import forget_who_signed_up
from accounts.roles import ROLES, STAFF

logger = logging.getLogger(__name__)

NAME_LENGTH = User._meta.get_field("display_name").max_length


class Adapter(DefaultSocialAccountAdapter):
    """Named by the settings as allauth's adapter for identity providers."""

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Signing in only: accounts are tied by verified addresses, never by who holds a session.

        Raises ImmediateHttpResponse.
        """
        if sociallogin.state.get("process") != AuthProcess.LOGIN:
            raise ImmediateHttpResponse(_error_page(request, 403))

    def authenticate_by_email(self, sociallogin: SocialLogin) -> tuple[User, str] | None:
        """Called for each person who is new here. Some providers send "false", which is true."""
        said = _claim(sociallogin, "email_verified") in (True, "true")
        for address in sociallogin.email_addresses:
            trusted = self.is_email_verified(sociallogin.provider, address.email)
            address.verified = said or trusted
            if address.verified:
                drop_claims(address.email)
        found = super().authenticate_by_email(sociallogin)
        if found:
            person, known_by = found[0], Q(email=found[1].lower())
            theirs = EmailAddress.objects.filter(user=person)
            if not theirs.filter(known_by, verified=True).exists():
                # Perhaps somebody else signed up. allauth ends password and sessions alone.
                forget_who_signed_up(person)
                Authenticator.objects.filter(user=person).delete()
                theirs.exclude(known_by).delete()
        return found

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return True

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict) -> User:
        user = super().populate_user(request, sociallogin, data)
        user.display_name = seen(str(data.get("name") or ""))[:NAME_LENGTH]
        user.email = user.email.lower()
        # For e-mails, which no browser asks for.
        user.language = get_language()
        return user

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, **_: Any
    ) -> None:
        """Log it. Raises ImmediateHttpResponse with a page of our own."""
        refusals.tell(request, by="identity provider")
        if error != AuthError.CANCELLED:
            raise ImmediateHttpResponse(_error_page(request, 401))

    def get_requests_session(self) -> requests.Session:
        return _Session()


class _Session(requests.Session):
    """Asks the provider. Raises ImmediateHttpResponse, 503, where it has no answer in some seconds,
    or none of a provider's, as under a wrong OIDC_URL.

    allauth lets what requests raises through as an error of ours; what a provider says against a
    sign-in, by 4xx to a POST, it understands.
    """

    def request(self, method: Any, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            response = super().request(method, *args, **{"timeout": 5} | kwargs)
            if response.status_code >= 500 or method == "GET":
                response.raise_for_status()
            if method == "GET":
                response.json()
        except requests.RequestException as error:
            logger.warning("The identity provider can't be reached: %s", error)
            page = _error_page(context.request, 503)
            page["Retry-After"] = "60"
            raise ImmediateHttpResponse(page) from error
        return response


@receiver(user_logged_in, dispatch_uid="single_sign_on")
def signed_in(
    request: HttpRequest, user: User, sociallogin: SocialLogin | None = None, **_: Any
) -> None:
    """Give the roles that the provider names, and count its second step as ours."""
    provider: IdentityProvider | None = settings.IDENTITY_PROVIDER
    if sociallogin is None or provider is None:
        return
    if provider.roles:
        groups = _words(_claim(sociallogin, provider.groups_claim))
        set_roles(user, {role for group, role in provider.roles.items() if group in groups})
    elif not user.groups.exists():
        user.groups.add(Group.objects.get(name="person"))
    passed = _words(_claim(sociallogin, "acr")) | _words(_claim(sociallogin, "amr"))
    if passed & set(provider.second_step):
        record_authentication(request, user, "mfa", type="identity provider")


@transaction.atomic
def set_roles(user: User, roles: set[str]) -> None:
    """Exactly these; a superuser stays one, since only the command line makes them."""
    groups = Group.objects.filter(name__in=ROLES)
    wanted = groups.filter(name__in=roles or {"person"})
    user.groups.remove(*groups.difference(wanted))
    user.groups.add(*wanted)
    is_staff = user.is_superuser or bool(roles & STAFF)
    if user.is_staff != is_staff:
        user.is_staff = is_staff
        user.save(update_fields=["is_staff"])


def ways(request: HttpRequest) -> dict[str, Any]:
    """For templates: through whom one may sign in, and whether that is the only way."""
    provider = settings.IDENTITY_PROVIDER
    return {
        "identity_provider": provider.name if provider else "",
        "no_local_passwords": not settings.LOCAL_PASSWORDS,
    }


def _claim(sociallogin: SocialLogin, name: str) -> Any:
    """From the answer about the person, else from the token about the sign-in."""
    told = sociallogin.account.extra_data
    sources = (told.get("userinfo") or {}, told.get("id_token") or {})
    return next((source[name] for source in sources if name in source), None)


def _words(claim: Any) -> set[str]:
    """A list, or one alone, as providers send them; nothing else counts."""
    return {word for word in (claim if isinstance(claim, list) else [claim]) if type(word) is str}


def _error_page(request: HttpRequest, status: int) -> HttpResponse:
    return render(
        request, "socialaccount/authentication_error.html", {"status": status}, status=status
    )
