"""Doctors' verdicts in words, and the visits that they ask for."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from diagnosis.language import terms

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from diagnosis.records.models import MoleRecord
    from diagnosis.reviews.models import Review

VERDICTS = {
    "none": ("calm", gettext_lazy("No visit needed")),
    "doctor_weeks": ("doctor", gettext_lazy("See a doctor within a few weeks")),
    "doctor_days": ("soon", gettext_lazy("See a doctor within a few days")),
}
OVERTAKEN = gettext_lazy("New since the doctor’s verdict. This record waits for a doctor again.")
ASKED_SINCE = gettext_lazy(
    "Since the verdict on this picture, a doctor has asked for a visit because of an earlier "
    "picture of this mole."
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a page says of one review."""

    tone: str
    heading: "StrOrPromise"
    group: "StrOrPromise"
    group_explained: "StrOrPromise"


def verdict(review: "Review") -> Verdict:
    """A doctor's review in words."""
    tone, heading = VERDICTS[review.urgency]
    return Verdict(
        tone=tone,
        heading=heading,
        group=terms.RISK_CATEGORIES[review.risk_category],
        group_explained=terms.RISK_CATEGORIES_EXPLAINED[review.risk_category],
    )


def of(record: "MoleRecord") -> "list[tuple[Review, Verdict]]":
    """Its reviews in words, the newest first: only what holds has the tone of its word."""
    said = [(review, verdict(review)) for review in record.reviews.all()]
    first = 0 if overtaken(record) else 1
    return said[:first] + [(one, replace(words, tone="neutral")) for one, words in said[first:]]


def overtaken(record: "MoleRecord", verdicts: "Iterable[Review] | None" = None) -> str:
    """Say what goes before the newest of its verdicts: a sign or change that came after a calm one,
    or a later verdict on an earlier picture, which asks for more; empty where nothing does."""
    newest = next(iter(record.reviews.all() if verdicts is None else verdicts), None)
    if newest is None:
        return ""
    if newest.urgency == "none" and record.has_new_alarm:
        return str(OVERTAKEN)
    order = list(VERDICTS).index
    is_less = record.asked_before and order(newest.urgency) < order(record.asked_before)
    return str(ASKED_SINCE) if is_less else ""


def is_settled(record: "MoleRecord", verdicts: "Iterable[Review] | None" = None) -> bool:
    """Whether a doctor's verdict holds that may be read with the record;
    ``RecordQuerySet.with_settled`` says the same in SQL."""
    told = list(record.reviews.all() if verdicts is None else verdicts)
    may_hold = record.is_reviewed and not record.waits_for_reader
    return may_hold and bool(told) and not overtaken(record, told)


def asked(record: "MoleRecord") -> str:
    """Say what a doctor asked of an earlier picture of the mole; empty without any."""
    if not record.asked_before:
        return ""
    return _(
        "A doctor said of an earlier picture of this mole: %(verdict)s. That holds until a "
        "doctor says otherwise, whatever the program sees."
    ) % {"verdict": VERDICTS[record.asked_before][1]}


def asked_no_more(visit: str) -> str:
    """Say of a visit that a doctor asked for that it goes with what is deleted; empty of none."""
    if not visit:
        return ""
    return _(
        "A doctor asked for a visit: %(verdict)s. Once this is deleted, nothing here says so any "
        "more, nor do later pictures of the mole. Write it down first."
    ) % {"verdict": VERDICTS[visit][1]}


def asked_along(visit: str) -> str:
    """Say of a visit that a doctor asked for because of a picture that it goes with it to another
    mole; empty of none."""
    if not visit:
        return ""
    return _(
        "A doctor asked for a visit because of this picture: %(verdict)s. That goes with the "
        "picture: it holds for the mole that you choose, and no longer for the one it is of now."
    ) % {"verdict": VERDICTS[visit][1]}
