"""What changed between two pictures of a mole, in words, and how sure that is."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from diagnosis.language import terms
from diagnosis.language.figures import number, percent
from ml.change import limits

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from diagnosis.moles.models import Change
    from diagnosis.records.models import MoleRecord

FEW_LESIONS = 100  # by which the error of a kind of picture is not known well
TELLS_LITTLE = np.log(3)  # an error in area, as a logarithm; beyond it nearly all growth is hidden
BY_HAND_MM = 1  # that two measurements by hand of one size may differ, as the plot of sizes says
FEW_ON_SKIN = 5  # features of the skin; with fewer the scale rests on the mole itself
AROUND = 0.4  # what is shown around the mole, in units of its own size
NAMES = {
    "area": gettext_lazy("Area"),
    "diameter": gettext_lazy("Longest diameter"),
    "asymmetry": gettext_lazy("Uneven shape (0 is even)"),
    "border": gettext_lazy("Ragged edge (1 is a circle)"),
    "colours": gettext_lazy("Spread of colours (0 is one colour)"),
}
DIGITS = {"asymmetry": 2, "border": 2, "colours": 1}
# Why two pictures can't be compared.
REASONS = {
    "not_registered": gettext_lazy(
        "The program could not bring the two pictures onto each other, so it can’t say whether the "
        "mole changed. They are shown as they are. Take the next one from the same distance and "
        "angle, in the same light, with some skin around the mole."
    ),
    "no_outline": gettext_lazy(
        "The pictures lie on each other, but the program could not tell where the mole ends, so "
        "it measured nothing."
    ),
    "cut_off": gettext_lazy(
        "The pictures lie on each other, but a part of the mole is outside of one of them, so its "
        "size can’t be compared. Show all of it, with some skin around."
    ),
    "other_kind": gettext_lazy(
        "One was taken with a dermatoscope and one without: these are not compared."
    ),
    "one_picture": gettext_lazy("These are the same picture. Choose two dates."),
    "not_assessed": gettext_lazy("One of them has no answer of the program yet."),
    "unusable": gettext_lazy("One of them can’t be judged."),
    "unreadable": gettext_lazy("One of the pictures can’t be read."),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One measure of both pictures, and what the method makes of an unchanged mole."""

    name: "StrOrPromise"
    before: str
    after: str
    difference: str
    error: str
    is_beyond: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture as it lies in the common frame: SVG's attributes."""

    width: int
    height: int
    transform: str
    points: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a page says of two pictures; ``frames`` is empty where they don't lie on each other."""

    tone: str
    heading: "StrOrPromise"
    sentences: list["StrOrPromise"] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    view_box: str = ""
    frames: list[Frame] = field(default_factory=list)
    waiting: bool = False


def say(
    change: "Change | str",
    *,
    of_later: "StrOrPromise" = "calm",
    later_mm: Decimal | None = None,
    given_up: bool = False,
) -> Said:
    """Put a change, or the reason why there is none, into words.

    ``of_later``: the tone of what is said of the later picture (results.tag), than which the words
    are not calmer. ``later_mm``: the size that its person measured.
    """
    if isinstance(change, str):
        return _plain(change)
    result = change.result
    if result is None:
        if given_up:
            return _plain("unreadable")
        return Said("neutral", _("The two pictures are being compared"), waiting=True)
    if result["reason"] and not result.get("matrix"):
        return _plain(result["reason"])
    view_box, frames = _frames(change, result)
    if result["reason"]:
        sentence = REASONS[result["reason"]]
        return Said("neutral", _("Not compared"), [sentence], [], view_box, frames)
    unclear = limits.error(change.before.modality)["limit"]["area"] > TELLS_LITTLE
    is_soon = of_later == "soon"
    sentences = _sentences(change, result, unclear)
    if result["changes"]:
        tone = "soon" if is_soon else "doctor"
    else:
        by_hand = _grown_by_hand(change.before.record.size_mm, later_mm)
        sentences[:0] = by_hand
        is_calm = of_later == "calm" and not (unclear or by_hand or _is_growth_hidden(result))
        tone = "calm" if is_calm else "neutral"
        if of_later in ("doctor", "soon"):
            sentences.insert(0, _("The later picture should be seen by a doctor all the same."))
    return Said(
        tone=tone,
        heading=_heading(result["changes"], unclear, is_soon),
        sentences=sentences,
        lines=_lines(change, result),
        view_box=view_box,
        frames=frames,
    )


def beside(said: Said, pair: tuple["MoleRecord", ...]) -> dict[str, Any]:
    """What a page shows of two pictures: the words, and each with its frame, if it has one."""
    return {"said": said, "pictures": list(zip(pair, said.frames or (None, None), strict=True))}


def names(codes: Iterable[str]) -> str:
    """What was found, in one line."""
    return terms.listed(terms.CHANGES[code] for code in codes)


def growth(change: "Change") -> tuple[float, float, float] | None:
    """The later area as a share of the earlier one, and between what the error lets it lie."""
    result = change.result or {}
    if not result or result["reason"]:
        return None
    limit = limits.error(change.before.modality)["limit"]["area"]
    logarithm = result["differences"]["area"]
    share, low, high = (float(np.exp(logarithm + off)) for off in (0, -limit, limit))
    return share, low, high


def day(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "DATE_FORMAT")


def _plain(reason: str) -> Said:
    return Said("neutral", _("Not compared"), [REASONS[reason]])


def _heading(found: list[str], unclear: bool, is_soon: bool) -> str:
    if found and is_soon:
        return _("It changed. Show it to a doctor within a few days.")
    if found:
        return _("It changed. Show it to a doctor within a few weeks.")
    if unclear:
        return _("The program can’t tell whether it changed")
    return _("No change that the program can tell from its own error")


def _grown_by_hand(first: Decimal | None, last: Decimal | None) -> list[str]:
    """Say that the sizes that a person measured grew, by more than measuring makes of them."""
    if first is None or last is None or last - first <= BY_HAND_MM:
        return []
    said = _(
        "Measured by hand: %(first)s mm, and later %(last)s mm. If it has grown, show it to a "
        "doctor, whatever the program says."
    )
    return [said % {"first": number(first, 1), "last": number(last, 1)}]


def _sentences(change: "Change", result: dict, unclear: bool) -> list["StrOrPromise"]:
    error = limits.error(change.before.modality)
    facts = {
        "day": day(change.before.record.created_at),
        "share": percent(abs(np.expm1(result["differences"]["area"]))),
        "limit": percent(np.expm1(error["limit"]["area"])),
        "times": number(np.exp(error["limit"]["area"]), 0),
    }
    is_measured = limits.is_measured_with(change.before.model_version, change.after.model_version)
    larger = result["differences"]["area"] >= 0
    sentences: list[StrOrPromise] = []
    if result["changes"]:
        facts["what"] = names(result["changes"])
        sentences.append(_("Since %(day)s: %(what)s.") % facts)
    sentences.append(
        (
            _("Its area measures %(share)s more than on %(day)s.")
            if larger
            else _("Its area measures %(share)s less than on %(day)s.")
        )
        % facts
    )
    if unclear:
        sentences.append(
            _(
                "The angle of the camera and the program’s outline alone can make a mole that did "
                "not change look up to %(times)s times as large. Compare the pictures with your "
                "own eyes, and show a doctor what you see."
            )
            % facts
        )
    else:
        sentences.append(
            _(
                "Two pictures of a mole that did not change can differ by up to %(limit)s in area: "
                "the program’s outline and the angle of the camera do that."
            )
            % facts
        )
    if result["changes"]:
        sentences.append(
            _(
                "What is marked lies beyond that error. Of 100 moles that did not change, this "
                "is said of about 5. It does not say what the mole is."
            )
            if is_measured
            else _("What is marked lies beyond that error. It does not say what the mole is.")
        )
    elif not unclear:
        sentences.append(
            _(
                "A smaller change than that is not noticed. If you see one, show it to a doctor "
                "all the same."
            )
        )
    if not is_measured:
        sentences.append(
            _(
                "This error was measured with another version of the program than that which "
                "looked at these pictures. It can be larger."
            )
        )
    if error["lesions"] < FEW_LESIONS:
        sentences.append(
            _("This error was measured on hardly any pictures of this kind. It can be larger.")
        )
    if _is_growth_hidden(result) and "grew" not in result["changes"]:
        sentences.append(
            _(
                "Hardly anything on the skin around the mole was recognised. If all of the mole "
                "grew evenly, this can’t be told from a picture taken closer."
            )
        )
    return sentences


def _is_growth_hidden(result: dict) -> bool:
    """Whether the scale rests on the mole itself, so that even growth looks like a step closer."""
    return result["on_skin"] < FEW_ON_SKIN


def _lines(change: "Change", result: dict) -> list[Line]:
    before, after = result["before"], result["after"]
    limit = limits.error(change.before.modality)["limit"]
    beyond = set(result["changes"])
    lines = []
    for name in limits.MEASURES:
        difference = result["differences"][name]
        if name in limits.RATIOS:
            first, last = _sizes(name, before, after)
            differs = _signed(percent(abs(np.expm1(difference))), difference)
            error = percent(np.expm1(limit[name]))
            is_beyond = abs(difference) > limit[name]
        else:
            first, last, differs, error = (
                number(value, DIGITS[name])
                for value in (before[name], after[name], abs(difference), limit[name])
            )
            differs = _signed(differs, difference)
            is_beyond = name in beyond
        lines.append(Line(NAMES[name], first, last, differs, error, is_beyond))
    return lines


def _sizes(name: str, before: dict, after: dict) -> tuple[str, str]:
    """In millimetres where a length is known, else as shares of the earlier picture's."""
    if before["mm"]:
        unit = before["mm"] / before["diameter"]
        if name == "diameter":
            text, factor = _("%(size)s mm"), unit
        else:
            text, factor = _("%(size)s mm²"), unit**2
        first, last = (text % {"size": number(one[name] * factor, 1)} for one in (before, after))
        return first, last
    return percent(1), percent(after[name] / before[name])


def _frames(change: "Change", result: dict) -> tuple[str, list[Frame]]:
    """Both pictures in pixels of the earlier one, around its mole."""
    (a, b, c), (d, e, f) = result["matrix"]
    transforms = ["", f"matrix({a} {d} {b} {e} {c} {f})"]
    frames = []
    for assessment, (width, height), transform in zip(
        (change.before, change.after), result["sizes"], transforms, strict=True
    ):
        points = np.array(assessment.outline or np.zeros((0, 2))) * (width, height)
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points.tolist())
        frames.append(Frame(width, height, transform, corners))
    width, height = result["sizes"][0]
    left, top, side = 0.0, 0.0, float(max(width, height))
    outlines = [np.array(one.outline) for one in (change.before, change.after) if one.outline]
    if len(outlines) == len(frames):
        matrix = np.array(result["matrix"])
        later = outlines[1] * result["sizes"][1] @ matrix[:, :2].T + matrix[:, 2]
        points = np.concatenate([outlines[0] * (width, height), later])
        middle = (points.min(axis=0) + points.max(axis=0)) / 2
        side = float(np.ptp(points, axis=0).max()) * (1 + AROUND)
        left, top = (middle - side / 2).tolist()
    return f"{left:.1f} {top:.1f} {side:.1f} {side:.1f}", frames


def _signed(text: str, difference: float) -> str:
    return f"{'+' if difference >= 0 else '−'}{text}"
