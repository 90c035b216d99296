"""What signing in does differently from allauth's default."""

from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core.internal import ratelimit
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest
from django.utils.encoding import punycode

from accounts import devices
from accounts.addresses import may_confirm, owners
from accounts.models import User
from accounts.names import check_name
from accounts.refusals import tell
from accounts.targets import own_page

# Mails that anybody can have sent to any address, by the names of allauth's templates, with what
# they bring: who floods an address with one kind keeps no link of another from its owner.
ANYBODYS_MAILS = {
    "account_already_exists": "news",
    "unknown_account": "news",
    "password_reset_key": "password",
    "email_confirmation": "confirmation",
    "email_confirmation_signup": "confirmation",
}


class Adapter(DefaultAccountAdapter):
    """Wrong passwords are counted for each device, program or place that they come from.

    For places that the right one never came from, they are also counted together: who guesses
    from many of them is limited, and the owner's own stay open.
    """

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.LOCAL_PASSWORDS

    def get_client_ip(self, request: HttpRequest) -> str:
        """Who comes through a Unix socket has none: they count as one place, and are let in."""
        try:
            return super().get_client_ip(request)
        except PermissionDenied:
            return "0.0.0.0"

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Nobody by a password where only the clinic's identity provider may let people in."""
        if not settings.LOCAL_PASSWORDS:
            return None
        person = super().authenticate(request, **credentials)
        if person:
            devices.remember_place(request, credentials.get("email", ""))
        return person

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Raises ValidationError for a try that a limit stops, which is a refusal as well."""
        try:
            super().pre_authenticate(request, **credentials)
            if not self._is_known(request, **credentials):
                self._count_with_others(request, **credentials)
        except ValidationError:
            tell(request, email=credentials.get("email", ""), by="limit")
            raise

    def get_reauthentication_methods(self, user: User) -> list[dict]:
        """Not by a password where none lets anybody in."""
        methods = super().get_reauthentication_methods(user)
        return [way for way in methods if settings.LOCAL_PASSWORDS or way["id"] != "reauthenticate"]

    def is_reauthentication_required(self, **kwargs: Any) -> bool:
        """Only of who has a way to prove themselves here."""
        required = super().is_reauthentication_required(**kwargs)
        return required and bool(self.get_reauthentication_methods(self.request.user))

    def send_mail(self, template_prefix: str, email: str, context: dict) -> None:
        """Of each kind not more than a few in an hour to one address, whoever asks for them.

        Links lead to SITE_URL, and not to the host that was asked: a stranger chooses its port.
        Whose account is closed is told so: allauth's mails would say that there is none, and that
        there is one, and send them from one page to the other.
        """
        kind = ANYBODYS_MAILS.get(template_prefix.rpartition("/")[2])
        if kind and not ratelimit.consume(
            self.request, app="allauth.account", action="mail", key=f"{kind}:{email.lower()}"
        ):
            return
        if kind == "news" and _is_closed(email):
            template_prefix = "account/email/account_closed"
        host = urlsplit(settings.SITE_URL).netloc
        links = {
            name: settings.SITE_URL + urlsplit(value).path
            for name, value in context.items()
            if name.endswith("_url")
        }
        site = SimpleNamespace(name=host, domain=host)
        super().send_mail(template_prefix, email, context | links | {"current_site": site})

    def clean_email(self, email: str) -> str:
        """Domains may hold what nobody sees: IDNA leaves it out, so that two look the same.

        Nor one that IDNA has no name for: no mail can be sent there.
        """
        check_name(email)
        try:
            punycode(email.rpartition("@")[2])
        except UnicodeError as error:
            raise ValidationError(validate_email.message, code="invalid") from error
        return super().clean_email(email)

    def is_safe_url(self, url: str) -> bool:
        """A page of the host that was asked: its other names may be another machine elsewhere."""
        return bool(own_page(self.request, url, otherwise=""))

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        return may_confirm(request, email_address) and super().confirm_email(request, email_address)

    def get_email_verification_redirect_url(self, email_address: EmailAddress) -> str:
        """Nowhere where it was not confirmed: the page says why."""
        if not email_address.verified:
            return ""
        return super().get_email_verification_redirect_url(email_address)

    def _is_known(self, request: HttpRequest, email: str = "", **_: Any) -> bool:
        return bool(devices.known(request, email)) or devices.is_known_place(request, email)

    def _count_with_others(self, request: HttpRequest, email: str = "", **_: Any) -> None:
        usage = ratelimit.consume(
            request, app="allauth.account", action="login_failed_anywhere", key=email.lower()
        )
        if usage is None:
            raise self.validation_error("too_many_login_attempts")
        # Taken back with the rest where the password is right.
        self._login_failed_rl_usage.usage += usage.usage

    def _get_login_attempts_cache_key(self, request: HttpRequest, email: str = "", **_: Any) -> str:
        """Without the host that is in allauth's: each of its ports would be counted apart."""
        return f"{email.lower()}:{devices.known(request, email) or ratelimit.get_ip(request)}"

    def _delete_login_attempts_cached_email(
        self, request: HttpRequest, email: str = "", **_: Any
    ) -> None:
        super()._delete_login_attempts_cached_email(request, email=email)
        ratelimit.clear(
            request, app="allauth.account", action="login_failed_anywhere", key=email.lower()
        )


def _is_closed(email: str) -> bool:
    return {*owners(email).values_list("is_active", flat=True)} == {False}
