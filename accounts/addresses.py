"""E-mail addresses that somebody added to an account and never confirmed: nobody has them yet.

allauth takes them for the account's: their owner could not sign up, and would be let in to that
account by a new password, or by the identity provider, with whoever added them.
"""

from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.models import EmailAddress
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts.models import User


def owners(email: str) -> QuerySet[User]:
    """Whose account has the address: as its own, or as a further one that they confirmed."""
    further = Q(emailaddress__email=email.lower(), emailaddress__verified=True)
    return User.objects.filter(Q(email=email.lower()) | further)


class Backend(AuthenticationBackend):
    """Signs in by an address that the account has; the others are not said to be known."""

    def _authenticate_by_email(self, email: str, password: str) -> User | None:
        people = owners(email).distinct()
        confirmed = people.filter(emailaddress__email=email.lower(), emailaddress__verified=True)
        for person in confirmed or people:
            if self._check_password(person, password):
                return person
        return None


def drop_claims(email: str) -> None:
    """Take the address out of accounts of other ones that never confirmed it."""
    added = EmailAddress.objects.filter(email=email.lower(), verified=False)
    added.exclude(user__email=email.lower()).delete()


def may_confirm(request: HttpRequest, address: EmailAddress) -> bool:
    """Whether the link in the mail is enough: one that was added later takes its account's session.

    Whose address a stranger wrote into an account would join it by following the link.
    """
    return address.email == address.user.email or request.user == address.user
