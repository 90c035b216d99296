"""allauth's forms of the second step: names that can be seen, and refusals that are told."""

from typing import Any

from allauth.core import context
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as codes
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.webauthn import forms as keys
from allauth.mfa.webauthn.internal import auth
from django import forms
from django.db import transaction

from accounts.models import User
from accounts.names import check_name
from accounts.refusals import tell


class Told(forms.Form):
    """What the library refuses without a word to who listens: security keys, and by its limits."""

    user: User | None

    def add_error(self, field: str | None, error: Any) -> None:
        super().add_error(field, error)
        limited = getattr(error, "code", None) == "too_many_login_attempts"
        if limited or "credential" in self.fields:
            tell(context.request, person=self.user, by="limit" if limited else "webauthn")


class ByCode(Told):
    """A code of the app works once: its step, or a later one, is kept with the secret (RFC 6238).

    The library remembers it in the cache, which may be lost, and for less than it takes it.
    """

    def clean_code(self) -> str:
        if not claim(self.user, self.cleaned_data["code"]):
            self.cleaned_data["code"] = ""  # refused, counted and told as any wrong one
        return super().clean_code()  # type: ignore[misc]


@transaction.atomic
def claim(user: User | None, code: str) -> bool:
    """Keep the step of a right code of the app; False where it was used, or a later one was."""
    apps = Authenticator.objects.select_for_update()
    app = apps.filter(user=user, type=Authenticator.Type.TOTP).first()
    if app is None:
        return True
    secret = get_adapter().decrypt(app.data["secret"])
    steps = [
        step
        for step in totp.yield_hotp_counters_from_time()
        if compare_user_code(
            actual=code, expected=totp.format_hotp_value(totp.hotp_value(secret, step))
        )
    ]
    if not steps:
        return True  # wrong, or of another kind
    if steps[-1] <= app.data.get("last_step", 0):
        return False
    app.data["last_step"] = steps[-1]
    app.save(update_fields=["data"])
    return True


class AuthenticateForm(ByCode, codes.AuthenticateForm):
    pass


class ReauthenticateForm(ByCode, codes.ReauthenticateForm):
    pass


class ByKey(Told):
    def clean_credential(self) -> Authenticator:
        try:
            return super().clean_credential()  # type: ignore[misc]
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise get_adapter().validation_error("incorrect_code") from error  # half a credential


class AuthenticateWebAuthnForm(ByKey, keys.AuthenticateWebAuthnForm):
    pass


class ReauthenticateWebAuthnForm(ByKey, keys.ReauthenticateWebAuthnForm):
    pass


class LoginWebAuthnForm(ByKey, keys.LoginWebAuthnForm):
    """By a key alone, which has to know its owner by a PIN or a finger: the challenge asked for it.

    The library keeps one challenge a session, and that after a password asks for a touch only.
    """

    def clean_credential(self) -> Authenticator:
        if (auth.get_state() or {}).get("user_verification") != "required":
            raise get_adapter().validation_error("incorrect_code")
        return super().clean_credential()


class AddWebAuthnForm(keys.AddWebAuthnForm):
    def clean_name(self) -> str:
        name = super().clean_name()
        check_name(name)
        return name


class EditWebAuthnForm(keys.EditWebAuthnForm):
    def clean_name(self) -> str:
        name = self.cleaned_data["name"]
        check_name(name)
        return name
