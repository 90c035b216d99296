"""Names that people give to themselves and their things, and that others read."""

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

# Control, format, private use, surrogates, line and paragraph separators (Unicode, table 4-4).
UNSEEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
# Letters, marks and signs that are blank, such as the fillers of Hangul (Unicode,
# DerivedCoreProperties: Default_Ignorable_Code_Point; and Braille's empty cell).
BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
JOINERS = "\u200c\u200d"  # parts of words in Persian and Hindi, and of emoji
# As are these, which choose a shape of what stands before them: nothing alone.
SELECTORS = {*map(chr, range(0xFE00, 0xFE10)), *map(chr, range(0xE0100, 0xE01F0))}


def check_name(name: str) -> None:
    """Refuse what nobody sees, such as marks that turn the direction in which a line is read.

    Raises ValidationError.
    """
    if name != seen(name):
        raise ValidationError(_("Use letters and signs that can be seen."), code="unseen")


def seen(name: str) -> str:
    """What can be seen of a name that nobody can be asked to write anew."""
    kept = "".join(
        sign
        for sign in name
        if sign in JOINERS or (unicodedata.category(sign) not in UNSEEN and sign not in BLANK)
    )
    bare = (sign for sign in kept if sign not in JOINERS and sign not in SELECTORS)
    return kept if any(not sign.isspace() for sign in bare) else ""
