"""Names that people give to themselves and their things, and that others read."""

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

# Control, format, private use, surrogates, line and paragraph separators (Unicode, table 4-4).
UNSEEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
JOINERS = "\u200c\u200d"  # parts of words in Persian and Hindi, and of emoji


def check_name(name: str) -> None:
    """Refuse what nobody sees, such as marks that turn the direction in which a line is read.

    Raises ValidationError.
    """
    if name != seen(name):
        raise ValidationError(_("Use letters and signs that can be seen."), code="unseen")


def seen(name: str) -> str:
    """What can be seen of a name that nobody can be asked to write anew."""
    return "".join(
        sign for sign in name if sign in JOINERS or unicodedata.category(sign) not in UNSEEN
    )
