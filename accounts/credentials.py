"""Who a program says it acts for: e-mail address, password, and the second step where it is on."""

from typing import Any

from allauth.account import app_settings as account_settings
from allauth.account.adapter import get_adapter
from allauth.account.utils import has_verified_email
from django.conf import settings
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import PermissionDenied, Throttled, ValidationError

from accounts.factors import AuthenticateForm
from accounts.models import User
from accounts.requests import PersonApiRequest
from accounts.staff import roles_elsewhere

FAILURES_COUNT_FOR = 300  # seconds: allauth's usual limit, and ours in the settings
WRONG = _("The e-mail address or the password is wrong.")


def check(*, request: HttpRequest, email: str, password: str, code: str = "") -> User:
    """The person these credentials belong to: the same checks as signing in on the pages.

    Raises PermissionDenied, ValidationError, Throttled (allauth counts the failures of pages and
    API together).
    """
    if not settings.LOCAL_PASSWORDS:
        raise PermissionDenied(
            _("Passwords are switched off here. Make a token on your account page.")
        )
    try:
        user = get_adapter(request).authenticate(request, email=email, password=password)
    except DjangoValidationError as error:
        refused: Any = Throttled(detail=error.message)
        refused.wait = FAILURES_COUNT_FOR  # as an argument, it would end the sentence in English
        raise refused from error
    if user is None or not user.is_active:
        raise ValidationError(WRONG)
    if (
        account_settings.EMAIL_VERIFICATION == account_settings.EmailVerificationMethod.MANDATORY
        and not has_verified_email(user)
    ):
        raise ValidationError(_("Confirm your e-mail address first."))
    if user.is_staff and user.roles_are_the_providers:
        raise ValidationError(roles_elsewhere())
    if user.lacks_own_second_factor:
        raise ValidationError(
            _("Staff need the second step of signing in. Switch it on on your account page.")
        )
    if user.has_second_factor:
        if not code:
            raise ValidationError({"code": [_("Enter the code from your authenticator app.")]})
        # allauth's form takes it, which brings no types.
        form = AuthenticateForm(data={"code": code}, user=user)  # type: ignore[call-arg]
        if not form.is_valid():
            raise ValidationError({"code": [str(error) for error in form.errors["code"]]})
    return user


def confirm(*, request: PersonApiRequest, password: str, code: str = "") -> None:
    """Have the person of a request prove themselves again. Raises ValidationError, Throttled."""
    email = request.user.email
    try:
        known = check(request=request._request, email=email, password=password, code=code)
    except ValidationError as refused:
        if isinstance(refused.detail, list):
            raise ValidationError({"password": refused.detail}) from refused
        raise
    if known != request.user:  # whose address it is as well
        raise ValidationError({"password": [WRONG]})
