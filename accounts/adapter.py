"""What signing in does differently from allauth's default."""

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest

from accounts import devices
from accounts.models import User


class Adapter(DefaultAccountAdapter):
    def authenticate(self, request: HttpRequest, **credentials: str) -> User | None:
        """Nobody by a password where only the clinic's identity provider may let people in."""
        return super().authenticate(request, **credentials) if settings.LOCAL_PASSWORDS else None

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.LOCAL_PASSWORDS

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: str) -> str:
        """Failures of a device that the person signed in on before are counted apart.

        So a stranger who guesses slows down strangers only: device cookies, as described at
        https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies.
        """
        key = super()._get_login_attempts_cache_key(request, **credentials)
        device = devices.known(request, credentials.get("email", ""))
        return f"{key}:{device}" if device else key
