"""Decisions about who gets in, by whichever door: signed in, refused, signed out.

What changes a credential (password, address, second factor, token) is logged as a change of its
row: audit/apps.py.
"""

from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.signals import user_logged_in
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed
from django.contrib.auth.signals import user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.addresses import owners
from accounts.models import User
from audit import log


@receiver(user_logged_in, dispatch_uid="log_sign_in")
def signed_in(user: User, request: HttpRequest, **_: Any) -> None:
    methods = [record["method"] for record in get_authentication_records(request, user)]
    log.decision(user, log.SIGN_IN, actor=user, by=" + ".join(methods))


@receiver(user_logged_out, dispatch_uid="log_sign_out")
def signed_out(user: User | None, **_: Any) -> None:
    # Not for a session that has ended already, nor after the account is deleted.
    if user and User.objects.filter(pk=user.pk).exists():
        log.decision(user, log.SIGN_OUT, actor=user)


@receiver(user_login_failed, dispatch_uid="log_refusal")
def refused(
    credentials: dict[str, Any],
    person: User | None = None,
    details: dict[str, Any] | None = None,
    **_: Any,
) -> None:
    """Of an address without an account nothing is kept but that it was tried.

    ``person`` and ``details`` are those of accounts/refusals.py; Django itself sends neither.
    """
    email = credentials.get("email") or ""
    people: list[User | None] = [person] if person else [*owners(email).distinct()]
    for one in people or [None]:
        log.decision(one, log.REFUSED, **(details or {}))


@receiver(authentication_failed, dispatch_uid="log_second_step")
def second_step_refused(user: User, authenticator: Authenticator, **_: Any) -> None:
    log.decision(user, log.REFUSED, by=authenticator.type)
