"""How the API knows a person, by a token or as the pages do; apart from its views, which REST
framework imports later."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.authentication import SessionScheme as DjangoSessionScheme
from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import User
from accounts.staff import may_have_left, roles_elsewhere

PAGE_OF = "X-Page-Of"  # whose page it is, by pseudonym


class TokenAuthentication(KnoxTokenAuthentication):
    """Knox's, which stumbles over a token that is not UTF-8; staff need their second factor, and
    where the identity provider decides about roles, to have signed in there lately."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, Any]:
        try:
            return super().authenticate_credentials(token)
        except UnicodeDecodeError:
            raise AuthenticationFailed(_("Invalid token.")) from None

    def validate_user(self, auth_token: Any) -> tuple[User, Any]:
        # Made before the person became staff, or switched the second factor off.
        if auth_token.user.lacks_second_factor:
            raise AuthenticationFailed(
                _("Staff need the second step of signing in. Switch it on on your account page.")
            )
        if may_have_left(auth_token.user):
            raise AuthenticationFailed(roles_elsewhere())
        return super().validate_user(auth_token)


class SessionAuthentication(authentication.SessionAuthentication):
    """REST framework's, but that a page of one person is nobody's once another has signed in on
    another tab: what the one chose would become the other's."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        found = super().authenticate(request)
        if found and request.headers.get(PAGE_OF, found[0].pseudonym) != found[0].pseudonym:
            return None
        return found


class TokenScheme(KnoxTokenScheme):
    """How the API's description names these tokens."""

    target_class = TokenAuthentication
    name = "token"


class SessionScheme(DjangoSessionScheme):
    """How it names the pages' session."""

    target_class = "accounts.authentication.SessionAuthentication"
