"""Sign-up by a program: the form of the page, without its session."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress, get_emailconfirmation_model
from allauth.account.signals import user_signed_up
from django.contrib.messages import get_messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from rest_framework.exceptions import PermissionDenied

from accounts.forms import SignupForm
from accounts.models import User


def sign_up(*, request: HttpRequest, password: str, **fields: Any) -> None:
    """Make an account and mail the link that confirms its address.

    Where confirming is mandatory, an address that has an account gets a mail that says so, and
    the caller learns nothing. Raises ValidationError by field, PermissionDenied where accounts
    are made by the identity provider alone.
    """
    if not get_adapter().is_open_for_signup(request):
        raise PermissionDenied(_("Accounts are made by signing in on the pages here."))
    form = SignupForm({**fields, "password1": password, "password2": password})
    if not form.is_valid():
        errors = form.errors.as_data()
        if "password1" in errors:
            errors["password"] = errors.pop("password1")
        raise ValidationError(errors)
    user = None if form.account_already_exists else form.save(request)
    if user is None:
        User().set_password(password)  # the time that the answer takes must not tell
        address = EmailAddress(user=None, email=form.cleaned_data["email"])
    else:
        user_signed_up.send(sender=User, request=request, user=user)
        address = EmailAddress.objects.get_for_user(user, user.email)
    send_verification_email_to_address(request, address, signup=True)
    _keep_no_cookie(request)


def confirm(*, request: HttpRequest, key: str) -> None:
    """Confirm an address by the key of the link in the mail. Raises ValidationError."""
    confirmation = get_emailconfirmation_model().from_key(key)
    if confirmation is None or not confirmation.confirm(request):
        raise ValidationError({"key": _("This link is not one of ours, or no longer works.")})


def _keep_no_cookie(request: HttpRequest) -> None:
    """Drop what allauth keeps for its pages: a program has none, and a cookie would tell."""
    list(get_messages(request))
    if request.session.session_key is None:
        request.session.clear()
