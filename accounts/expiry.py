"""What has run out and opens nothing any more: removed each day."""

from datetime import timedelta

from allauth.account import app_settings
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.utils import timezone
from knox.models import get_token_model

from accounts import idempotency, prehijacking

UNCONFIRMED = timedelta(days=30)


def remove_expired() -> None:
    """Delete sessions and tokens that ended, and accounts whose address nobody confirmed."""
    now = timezone.now()
    Session.objects.filter(expire_date__lt=now).delete()
    UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()
    get_token_model().objects.filter(expiry__lt=now).delete()
    idempotency.remove_expired()
    if app_settings.EMAIL_VERIFICATION == app_settings.EmailVerificationMethod.MANDATORY:
        prehijacking.never_in().filter(date_joined__lt=now - UNCONFIRMED).delete()
