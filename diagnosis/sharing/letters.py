"""Letters of all scripts, as far as a PDF of one font can show them."""

import unicodedata
from collections.abc import Container

LACKING = "\N{REPLACEMENT CHARACTER}"  # in place of what the font has no glyph for
# Alone they are nothing to be seen: controls, accents and the tones of emoji.
UNSEEN = {"Cc", "Cf", "Mn", "Me", "Sk"}


def printable(text: str, glyphs: Container[int]) -> str:
    """The text in letters that the font has; LACKING for each other one."""
    return "".join(
        letter if ord(letter) in glyphs or letter == "\n" else _replaced(letter)
        for letter in unicodedata.normalize("NFC", text)
    )


def _replaced(letter: str) -> str:
    if letter in "\t\u2028\u2029":
        return " "
    return "" if unicodedata.category(letter) in UNSEEN else LACKING
