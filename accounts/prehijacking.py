"""Pre-hijacking: accounts that were signed up for with an address that may be another person's.

What an account that nobody ever got into says of its person, and that they consent, is anybody's
word. It goes once the owner takes the account, by a new password or by the identity provider.
"""

from typing import Any

from allauth.account.internal.flows.email_verification import verify_email_indirectly
from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed, password_reset
from django.db.models import QuerySet
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import get_language

from accounts.addresses import drop_claims
from accounts.models import User


def never_in() -> QuerySet[User]:
    """Of people who signed up and never got in; not who was made by an administrator.

    Whoever signs up agrees to the consent; of others, a first sign-in notes the address, too.
    A program signs nobody in: it leaves a token, or what it sent.
    """
    signed_up = User.objects.exclude(consent_version="")
    never = signed_up.filter(
        is_staff=False, is_superuser=False, last_login=None, emailaddress__isnull=False
    )
    unused = never.filter(records=None, moles=None, auth_token_set=None)
    return unused.exclude(emailaddress__verified=True)


def forget_who_signed_up(person: User) -> None:
    """Leave nothing in the account of what was said at sign-up, where nobody got in since."""
    if not never_in().filter(pk=person.pk).exists():
        return
    person.display_name = person.sex_at_birth = person.time_zone = ""
    person.date_of_birth = None
    person.consent_version, person.consented_at = "", None
    # For e-mails, which no browser asks for.
    person.language = get_language() or ""
    person.save()


@receiver(email_confirmed, dispatch_uid="taken_by_its_owner")
def taken_by_its_owner(email_address: EmailAddress, **_: Any) -> None:
    """Remove what others signed up for with the address: it is in the owner's way."""
    others = never_in().filter(email=email_address.email)
    others.exclude(pk=email_address.user_id).delete()


@receiver(password_reset, dispatch_uid="taken_by_a_new_password")
def taken_by_a_new_password(request: HttpRequest, user: User, **_: Any) -> None:
    """Count the address as confirmed: the link was mailed to it alone (forms.ResetPasswordForm)."""
    if user.emailaddress_set.filter(verified=True).exists():
        return
    forget_who_signed_up(user)
    drop_claims(user.email)
    verify_email_indirectly(request, user, user.email)
