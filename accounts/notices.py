"""E-mails that tell a person at once what was changed in their account, perhaps not by them."""

from typing import TYPE_CHECKING, Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_added
from django.conf import settings
from django.core.mail import EmailMessage
from django.dispatch import receiver
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

ADDRESS_ADDED = _("The e-mail address %(address)s was added to your account.")
ADDRESS_REPLACED = _("An administrator replaced the e-mail address of your account by %(address)s.")
PASSWORD_SET = _("An administrator set a new password for your account.")
PASSWORD_OFF = _("An administrator switched off signing in with the password of your account.")
FACTOR_REMOVED = _("An administrator removed a second step of signing in from your account.")
ROLES_CHANGED = _("An administrator changed what your account may do: %(roles)s.")


def send(person: User, sentence: "StrOrPromise", *, to: str | None = None, **params: str) -> None:
    """Put it into the outbox, in the person's language, for ``to`` or the address of the account.

    To be called within the transaction of the change: both are stored, or neither.
    """
    with translation.override(person.language or settings.LANGUAGE_CODE):
        EmailMessage(
            subject=gettext("Your account was changed"),
            body=render_to_string("accounts/notice.txt", {"sentence": sentence % params}),
            to=[to or person.email],
        ).send()


@receiver(email_added, dispatch_uid="notice_of_address")
def of_an_added_address(user: User, email_address: EmailAddress, **_: Any) -> None:
    send(user, ADDRESS_ADDED, address=email_address.email)
