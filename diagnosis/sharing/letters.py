"""Letters of all scripts, made ready for a PDF, which draws glyphs of one font from the left."""

import re
import unicodedata
from collections.abc import Container
from itertools import zip_longest

from fpdf.bidi import BidiParagraph, auto_detect_base_direction

LACKING = "\N{REPLACEMENT CHARACTER}"  # in place of what the font has no glyph for
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff]")
# Alone they are nothing to be seen: controls, accents and the tones of emoji.
UNSEEN = {"Cc", "Cf", "Mn", "Me", "Sk"}
MIRRORED = str.maketrans("()[]{}<>«»‹›", ")(][}{><»«›‹")
# Lam and an alef share one form.
ARABIC = re.compile("\u0644[\u0622\u0623\u0625\u0627]|.", re.DOTALL)
TATWEEL = "\u0640"  # a line that joins on both sides, and has no forms
# By whether a letter joins the one before, and the one after.
PLACES = {
    (False, False): "isolated",
    (False, True): "initial",
    (True, True): "medial",
    (True, False): "final",
}


def _forms() -> dict[str, dict[str, str]]:
    """Unicode's own: for each place in a word, the form that an Arabic letter has there."""
    forms: dict[str, dict[str, str]] = {place: {} for place in PLACES.values()}
    for form in map(chr, [*range(0xFB50, 0xFC00), *range(0xFE80, 0xFEFD)]):
        if decomposition := unicodedata.decomposition(form):
            place, *letters = decomposition.split()
            forms[place.strip("<>")]["".join(chr(int(letter, 16)) for letter in letters)] = form
    return forms


FORMS = _forms()


def printable(text: str, glyphs: Container[int]) -> str:
    """The text in letters that the font has, joined where they join; LACKING for each other one."""
    return "".join(
        letter if ord(letter) in glyphs or letter == "\n" else _replaced(letter)
        for letter in _joined(unicodedata.normalize("NFC", text))
    )


def from_the_left(line: str, paragraph: str) -> str:
    """One line of a paragraph in the order in which it is drawn."""
    drawn = BidiParagraph(line, auto_detect_base_direction(paragraph)).get_reordered_characters()
    return "".join(
        each.character.translate(MIRRORED) if each.embedding_level % 2 else each.character
        for each in drawn
    )


def _replaced(letter: str) -> str:
    if letter in "\t\u2028\u2029":
        return " "
    return "" if unicodedata.category(letter) in UNSEEN else LACKING


def _joined(text: str) -> str:
    """Arabic letters in the form of their place in the word; accents between them do not count."""
    letters = ARABIC.findall(text)
    joined = list(letters)
    seen = [n for n, letter in enumerate(letters) if unicodedata.category(letter[0]) != "Mn"]
    before = ""
    for here, after in zip_longest(seen, seen[1:]):
        letter = letters[here]
        follows = _joins_on(before) and _joins_back(letter)
        leads = after is not None and _joins_on(letter) and _joins_back(letters[after])
        joined[here] = FORMS[PLACES[follows, leads]].get(letter, letter)
        before = letter
    return "".join(joined)


def _joins_back(letter: str) -> bool:
    return letter in FORMS["final"] or letter == TATWEEL


def _joins_on(letter: str) -> bool:
    return letter in FORMS["initial"] or letter == TATWEEL
