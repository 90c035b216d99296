"""Browsers in which a person turned notifications on: kept, and forgotten when she signs out."""

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.signals import pre_delete
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from diagnosis import limits
from diagnosis.push import notifications
from diagnosis.push.models import MAX_ENDPOINT, PushSubscription
from diagnosis.webhooks import outbound

AT_MOST = 10  # of one person
IN_SESSION = "push"
COOKIE = "push"
COOKIE_KEPT = timedelta(days=365)
TOO_MANY = _(
    "Notifications are on in as many browsers as one person may have. Turn them off in all first."
)
NOT_A_BROWSER = _("Your browser gave an answer that can’t be used. Nothing was turned on.")


def add(
    *, person: User, session: SessionBase, endpoint: str, p256dh: str, auth: str
) -> PushSubscription:
    """Turn notifications on in the browser of this session; whose it was before is replaced.

    Raises ValidationError, TryLater, PermissionDenied where the session has ended.
    """
    keys = {"person": person, "p256dh": p256dh, "auth": auth}
    _check(endpoint, person, p256dh, auth)
    with transaction.atomic():
        # Locked, so that two at once do not exceed the limit.
        User.objects.lock(person)
        if person.push_subscriptions.exclude(endpoint=endpoint).count() >= AT_MOST:
            raise ValidationError(TOO_MANY)
        news = {"record_id": None, "due_at": None, "tries": 0}
        subscription, _made = PushSubscription.objects.update_or_create(
            endpoint=endpoint, defaults=keys | news
        )
    session[IN_SESSION] = str(subscription.pk)
    return subscription


def person_of(key: str) -> User | None:
    """Whose browser has this id in its cookie: it tells its new address after a session ran out."""
    try:
        this = PushSubscription.objects.filter(pk=uuid.UUID(key), person__is_active=True)
    except ValueError:
        return None
    subscription = this.select_related("person").first()
    return subscription.person if subscription else None


def renew(*, person: User, key: str, endpoint: str, p256dh: str, auth: str) -> None:
    """Give the subscription of that id the address that its browser has now.

    Raises ValidationError, also where it was turned off meanwhile; TryLater.
    """
    this = person.push_subscriptions.filter(pk=key)
    if not this.exists():
        raise ValidationError(NOT_A_BROWSER)
    _check(endpoint, person, p256dh, auth)
    with transaction.atomic():
        PushSubscription.objects.filter(endpoint=endpoint).exclude(pk=key).delete()
        this.update(endpoint=endpoint, p256dh=p256dh, auth=auth)


def _check(endpoint: str, person: User, p256dh: str, auth: str) -> None:
    """Raises ValidationError, TryLater."""
    limits.spend(person, "push")
    try:
        outbound.check_url(endpoint, most=MAX_ENDPOINT)
        browser = PushSubscription(endpoint=endpoint, person=person, p256dh=p256dh, auth=auth)
        browser.clean_fields()
        notifications.sealed(browser, {})  # what can't be encrypted for now can't be later
    except (ValidationError, notifications.UnusableKeys) as error:
        raise ValidationError(NOT_A_BROWSER) from error


def remove(*, person: User, endpoint: str | None = None) -> None:
    """Turn them off in the browser that has this address; without one, in all of the person's."""
    rows = person.push_subscriptions.all()
    (rows if endpoint is None else rows.filter(endpoint=endpoint)).delete()


def remember(response: HttpResponse, subscription: PushSubscription) -> None:
    """Have the browser tell, without a session and at a later sign-in, which one is its own.

    Not signed: it outlives a SECRET_KEY, and nobody can guess it.
    """
    response.set_cookie(
        COOKIE,
        str(subscription.pk),
        max_age=COOKIE_KEPT,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


@receiver(user_logged_in, dispatch_uid="push_of_a_later_session")
def of_a_later_session(request: HttpRequest, user: User, **_: Any) -> None:
    """The session in which she turned them on ran out: they end with this one."""
    key = request.COOKIES.get(COOKIE)
    try:
        if key and user.push_subscriptions.filter(pk=key).exists():
            request.session[IN_SESSION] = key
    except ValidationError:
        pass  # no id of ours


@receiver(pre_delete, sender=Session, dispatch_uid="push_of_an_ended_session")
def of_an_ended_session(instance: Session, **_: Any) -> None:
    """Who is signed out, here or from elsewhere, is told nothing more in that browser.

    A session that ran out is another matter: “Sign in to read it” is for that person, too.
    """
    if instance.expire_date > timezone.now() and (key := instance.get_decoded().get(IN_SESSION)):
        PushSubscription.objects.filter(pk=key).delete()
