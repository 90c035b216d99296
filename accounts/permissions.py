"""What a program's token may do, beside what its person may."""

from typing import TYPE_CHECKING

from allauth.account.internal.flows.reauthentication import is_reauthentication_required
from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts import tokens

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which asks the settings for this module


class WithinScope(BasePermission):
    """Read: nothing is changed. Write: neither are the account and its tokens. Full: everything.

    Views of the account say so by ``is_of_the_account``; those that change nothing, whatever the
    method, by ``only_reads``.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if request.method in SAFE_METHODS or getattr(view, "only_reads", False):
            return True
        scope = tokens.scope_of(request.auth)
        if getattr(view, "is_of_the_account", False):
            return scope == tokens.Scope.FULL
        return scope != tokens.Scope.READ


class ProvenLately(BasePermission):
    """As on the pages: a browser that is signed in may be borrowed, and has to prove itself again.

    Viewsets name the actions by ``asks_again``; a token is not asked.
    """

    message = _("Enter your password again first: /account/reauthenticate/")

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if request.auth or getattr(view, "action", None) not in getattr(view, "asks_again", ()):
            return True
        return not is_reauthentication_required(request._request, app="")
