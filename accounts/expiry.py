"""What has run out and opens nothing any more: removed each day."""

from datetime import timedelta

from allauth.account import app_settings
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone
from knox.models import get_token_model

from accounts import idempotency
from accounts.models import User

UNCONFIRMED = timedelta(days=30)


def remove_expired() -> None:
    """Delete sessions and tokens that ended, and accounts whose address nobody confirmed."""
    now = timezone.now()
    Session.objects.filter(expire_date__lt=now).delete()
    UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()
    get_token_model().objects.filter(expiry__lt=now).delete()
    idempotency.remove_expired()
    if app_settings.EMAIL_VERIFICATION == app_settings.EmailVerificationMethod.MANDATORY:
        _unconfirmed().filter(date_joined__lt=now - UNCONFIRMED).delete()


def _unconfirmed() -> QuerySet[User]:
    """Of people who signed up and never got in; who was made by an administrator stays.

    Whoever signs up agrees to the consent; of others, a first sign-in notes the address, too.
    A program signs nobody in: it leaves a token, or what it sent.
    """
    signed_up = User.objects.exclude(consent_version="")
    never_in = signed_up.filter(
        is_staff=False, is_superuser=False, last_login=None, emailaddress__isnull=False
    )
    unused = never_in.filter(records=None, moles=None, auth_token_set=None)
    return unused.exclude(emailaddress__verified=True)
