"""The program's answer in sentences: what the person reads first, and what explains it.

Never a diagnosis, never "you are safe"; the colour (``tone``) never stands alone.
"""

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.age import age_on
from diagnosis.language import changes, frequencies, terms, verdicts
from ml import taxonomy
from ml.sitting import together

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from diagnosis.records.models import Assessment, MoleRecord, Picture

TONES = {"watch": "calm", "doctor_weeks": "doctor", "doctor_days": "soon", "retake": "neutral"}

HEADINGS = {
    "watch": gettext_lazy("No warning sign found"),
    "doctor_weeks": gettext_lazy("Should be seen by a doctor"),
    "doctor_days": gettext_lazy("Should be seen by a doctor soon"),
    "retake": gettext_lazy("This picture can’t be judged"),
}

HOW_SOON = {
    "watch": gettext_lazy(
        "This is about the largest mole in the picture alone. Look at it again in a month. "
        "The program can miss things: if the mole changes or worries you, see a doctor."
    ),
    "doctor_weeks": gettext_lazy("Make an appointment to be seen within the next few weeks."),
    "doctor_days": gettext_lazy(
        "Call your doctor or a skin doctor today or tomorrow, and ask to be seen within a few days."
    ),
}

ADULT = 18
# Where the test pictures show hardly any mole, and where a melanoma looks different.
UNTESTED_SITES = {
    "nail": gettext_lazy("It was not tested on nails."),
    "palm": gettext_lazy("It was hardly tested on the palms of hands."),
    "sole": gettext_lazy("It was hardly tested on the soles of feet."),
    "mucosa": gettext_lazy("It was not tested on lips, the mouth or other mucous membranes."),
    "genital": gettext_lazy("It was not tested on the genital area."),
}
NOT_SURE = gettext_lazy("The program is not sure about this picture. A doctor can tell.")
LEFT_OUT = gettext_lazy("Left out of the answer")
UNREADABLE = gettext_lazy("The stored picture can't be read.")
WANTED_BEFORE = gettext_lazy(
    "Another version of the program gave an answer, and said that a doctor should look at the mole."
)
JUDGED_AGAIN = gettext_lazy(
    "Since this answer, the pictures or the place of the mole were changed. "
    "The program is judging the mole again."
)
NOT_JUDGED_AGAIN = gettext_lazy(
    "Since this answer, the pictures or the place of the mole were changed. "
    "The program has not been able to judge the mole again, so this answer does not count that."
)
UNTESTED_SKIN = gettext_lazy("The skin looks dark. Nearly all of the tested skin was light.")

ADULTS_ONLY = gettext_lazy("It was tested on adults only.")
HARDLY_ON_DARK_SKIN = gettext_lazy("No warning sign found, but hardly tested on dark skin")
TOO_LITTLE_TESTED = gettext_lazy("No warning sign found, but too little tested on moles like this")

SO_FAR = gettext_lazy("No warning sign in the picture so far")
NOT_COUNTED = gettext_lazy("No warning sign, but what was changed since is not counted")
UNCOUNTED = gettext_lazy("What was changed since is not counted")
NOT_COMPARED = gettext_lazy(
    "The program could not compare this picture with the first one of this mole, so it can’t say "
    "whether this one shows a change."
)
WARNED_BEFORE = gettext_lazy("an earlier picture should be seen by a doctor")
WARNED_SOON_BEFORE = gettext_lazy("an earlier picture should be seen by a doctor soon")
INSTEAD = gettext_lazy("Send a new picture of the mole, or show it to a doctor.")

SAW_SIGN = gettext_lazy("Since the camera saw a warning sign, let a doctor look at the mole.")

STATES = {
    "queued": gettext_lazy("Waiting to be checked"),
    "running": gettext_lazy("Being checked"),
    "unusable": gettext_lazy("Take another picture"),
    "failed": gettext_lazy("The check did not finish"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a page says about one picture, from the strongest sentence down."""

    tone: str
    heading: "StrOrPromise"
    how_soon: "StrOrPromise" = ""
    because: tuple["StrOrPromise", ...] = ()
    warned_before: str = ""
    not_compared: "StrOrPromise" = ""
    group: "StrOrPromise" = ""
    group_explained: "StrOrPromise" = ""
    advice_on_picture: tuple["StrOrPromise", ...] = ()
    warnings: tuple["StrOrPromise", ...] = ()
    untested: tuple["StrOrPromise", ...] = ()
    used: "StrOrPromise" = ""
    several: "StrOrPromise" = ""
    left_out: tuple["StrOrPromise", ...] = ()
    again: "StrOrPromise" = ""
    phone: str = ""

    @property
    def beside(self) -> list[str]:
        """What the heading does not stand without, at whichever door."""
        said = (self.again, *self.because, self.warned_before, self.not_compared, self.phone)
        said += (
            *self.advice_on_picture,
            self.several,
            *self.left_out,
            *self.untested,
            *self.warnings,
        )
        return [str(sentence) for sentence in said if sentence]


@dataclass(frozen=True, slots=True)
class Part:
    """One of several pictures, and what a page says of it; no words while there is no answer."""

    picture: "Picture"
    tone: str = "neutral"
    words: "StrOrPromise" = ""
    remarks: tuple["StrOrPromise", ...] = ()
    malignancy: float | None = None


def answer(record: "MoleRecord") -> Answer | None:
    """The program's answer in words; None while there is none. Nothing is calm before the picture
    is compared with the mole's first one, and judged with what was changed."""
    assessment = record.current_assessment
    if assessment is None:
        return None
    advice = advice_that_holds(assessment, record)
    heading = advice if assessment.usable else "retake"
    words = _heading(heading, record, assessment.warnings)
    if heading == "retake" and assessment.pictures:
        words = _("These pictures can’t be judged")
    if heading == "retake" and advice in terms.BY_A_DOCTOR:
        words = f"{HEADINGS[advice]} · {words}"
    is_final = not is_withheld(heading, record)
    is_left = is_left_uncounted(record)
    how_soon = HOW_SOON.get(advice, "") if is_final else INSTEAD if is_left else ""
    tone, before = TONES[advice] if is_final else "neutral", _advice_before(record, advice)
    if before:
        how_soon = HOW_SOON[before]
    if heading == "watch" and before:
        words, tone = f"{words} · {WARNED_BEFORE}", "neutral"
    elif advice in terms.BY_A_DOCTOR and before:
        words = f"{words} · {WARNED_SOON_BEFORE}"
    elif tone == "calm" and _is_visit_asked(record):
        how_soon, tone = "", "neutral"
    untested = tuple(_untested(record, assessment.warnings))
    if tone == "calm" and untested:
        tone = "neutral"
    return Answer(
        tone=tone,
        several=_several(assessment, advice),
        left_out=tuple(_left_out(record)) if assessment.usable else (),
        again=NOT_JUDGED_AGAIN if is_left else JUDGED_AGAIN if record.is_stale else "",
        heading=words,
        how_soon=how_soon,
        because=tuple(_because(record, assessment)),
        warned_before=_warned_before(before),
        not_compared="" if record.is_comparable else NOT_COMPARED,
        group=terms.RISK_CATEGORIES.get(assessment.risk_category or "", ""),
        group_explained=terms.RISK_CATEGORIES_EXPLAINED.get(assessment.risk_category or "", ""),
        advice_on_picture=tuple(
            terms.REASONS[code] for code in assessment.reasons if code in terms.REASONS
        ),
        warnings=tuple(
            terms.WARNINGS[code]
            for code in assessment.warnings
            if code in terms.WARNINGS and assessment.usable
        ),
        untested=untested,
        used=_used(assessment),
        phone=_phone(record.phone_advice, heading),
    )


def advice_that_holds(assessment: "Assessment", record: "MoleRecord") -> str:
    """Less than a doctor in weeks is never given to what measurably changed since the first
    picture, nor where the camera page wanted a doctor; nor less than a doctor asked of an earlier
    picture of the mole. What can't be judged is as urgent as the camera page or another version of
    the program said.

    ``RecordQuerySet.with_assessment_json`` says the same in SQL.
    """
    least = record.asked_before or "watch"
    is_unjudged = not assessment.usable and is_warned(record)
    if is_unjudged and record.danger == record.Danger.HIGH_RISK:
        least = "doctor_days"
    elif is_unjudged or record.changes or record.phone_advice in terms.BY_A_DOCTOR:
        least = max(least, "doctor_weeks", key=taxonomy.ADVICE.index)
    return max(assessment.advice, least, key=taxonomy.ADVICE.index)


def _is_visit_asked(record: "MoleRecord") -> bool:
    """Whether a doctor asks for a visit because of this very picture."""
    newest = next(iter(record.reviews.all()), None)
    return newest is not None and newest.urgency in terms.BY_A_DOCTOR


def is_withheld(advice: str, record: "MoleRecord") -> bool:
    """Whether the advice is calm, and the picture not yet compared with the mole's first one, or
    judged anew with what was changed."""
    return advice == "watch" and (record.is_stale or not record.is_compared)


def withheld(record: "MoleRecord") -> "StrOrPromise":
    """What is said in place of an advice that ``is_withheld``."""
    return NOT_COUNTED if is_left_uncounted(record) else SO_FAR


def is_left_uncounted(record: "MoleRecord", pictures: "Iterable[Picture] | None" = None) -> bool:
    """Whether what was changed since the answer may never be counted: the pictures are of a kind
    that is not judged any more, or could not be judged for long."""
    if not record.is_stale:
        return False
    kinds, all_of_it = frequencies.kinds_not_judged(), pictures or record.pictures
    return record.is_overdue or any(each.modality in kinds for each in all_of_it)


def parts(record: "MoleRecord") -> list[Part]:
    """Each of several pictures with what it gives alone; without, while they are looked at anew."""
    pictures = record.pictures
    if len(pictures) == 1:
        return []
    assessment = record.current_assessment
    parts = assessment.pictures if assessment and not record.is_stale else []
    said = {part["id"]: part for part in parts}
    if not said:
        return [Part(picture) for picture in pictures]
    return [_part(picture, record, said.get(str(picture.pk))) for picture in pictures]


def _part(picture: "Picture", record: "MoleRecord", said: dict | None) -> Part:
    if said is None:
        return Part(picture, words=LEFT_OUT, remarks=(UNREADABLE,))
    remarks: list[StrOrPromise] = [
        terms.REASONS[code] for code in said["reasons"] if code in terms.REASONS
    ]
    remarks += [terms.WARNINGS[code] for code in said["warnings"] if code in terms.WARNINGS]
    if said["uncertain"]:
        remarks.insert(0, NOT_SURE)
    advice, whole = said["advice"], record.current_assessment
    is_calm = whole is not None and advice_that_holds(whole, record) == "watch"
    is_calm &= not (is_withheld(advice, record) or _advice_before(record, advice))
    is_calm &= not (_is_visit_asked(record) or _untested(record, said["warnings"]))
    return Part(
        picture,
        tone="neutral" if advice == "watch" and not is_calm else TONES[advice],
        words=_heading(advice, record, said["warnings"]) if said["usable"] else LEFT_OUT,
        remarks=tuple(remarks),
        malignancy=said["malignancy"] if said["usable"] else None,
    )


def _left_out(record: "MoleRecord") -> list[str]:
    """Name the pictures on which the answer does not rest."""
    return [
        _("Picture %(number)d: %(problem)s") % {"number": number, "problem": f"{LEFT_OUT}."}
        for number, part in enumerate(parts(record), start=1)
        if part.words == LEFT_OUT
    ]


def _heading(advice: str, record: "MoleRecord", warnings: list[str]) -> "StrOrPromise":
    """No calm heading stands before the comparison, nor without what was not tested."""
    if is_withheld(advice, record):
        return withheld(record)
    if advice == "watch" and taxonomy.DARK_SKIN in warnings:
        return HARDLY_ON_DARK_SKIN
    if advice == "watch" and _untested(record, warnings):
        return TOO_LITTLE_TESTED
    return HEADINGS[advice]


def _several(assessment: "Assessment", advice: str) -> str:
    """Say how many pictures by themselves would be sent to a doctor, where all together are not.

    One picture has lower thresholds, since it says less.
    """
    sent = sum(part["usable"] and part["advice"] != "watch" for part in assessment.pictures)
    if advice != "watch" or not sent:
        return ""
    return ngettext(
        "By itself, one of these pictures would be sent to a doctor. Together they stay below the "
        "limit for several pictures. If you are unsure, let a doctor look.",
        "By themselves, %(n)d of these pictures would be sent to a doctor. Together they stay "
        "below the limit for several pictures. If you are unsure, let a doctor look.",
        sent,
    ) % {"n": sent}


def _used(assessment: "Assessment") -> str:
    """What beside the picture entered, and what the picture alone would give where that differs."""
    if not assessment.used:
        return ""
    used = ", ".join(str(terms.KNOWN[name]) for name in assessment.used)
    sentence = _("Beside the picture, the program used: %(used)s.") % {"used": used}
    alone = assessment.picture
    if assessment.usable and alone["risk_category"] != assessment.risk_category:
        sentence += " " + _("By the picture alone, the group would be: %(group)s.") % {
            "group": terms.RISK_CATEGORIES[alone["risk_category"]]
        }
    return sentence


def tag(record: "MoleRecord") -> dict[str, "StrOrPromise"]:
    """A record in three words, for lists: the doctor's verdict before the program's answer."""
    newest = next(iter(record.reviews.all()), None)
    if newest and not verdicts.overtaken(record):
        theirs = verdicts.verdict(newest)
        return {"tone": theirs.tone, "words": _("Doctor: %s") % theirs.heading}
    return tag_of_program(record)


def tag_of_program(record: "MoleRecord") -> dict[str, "StrOrPromise"]:
    """The same without a doctor's verdict: the program's answer, or how far it is."""
    if record.state == "done" and (said := answer(record)):
        return {"tone": said.tone, "words": said.heading}
    state, assessment = STATES[record.state], record.current_assessment
    advice = advice_that_holds(assessment, record) if assessment else advice_without_answer(record)
    if advice in terms.BY_A_DOCTOR:
        return {"tone": TONES[advice], "words": f"{HEADINGS[advice]} · {state}"}
    return {"tone": "neutral", "words": state}


def entries(records: "Iterable[MoleRecord]") -> list[dict]:
    """Each record of a list with its tag, and what its person noticed."""
    return [
        {"record": each, "tag": tag(each), "signs": terms.listed(signs(each))} for each in records
    ]


def signs(record: "MoleRecord") -> list[str]:
    """What the person noticed, in words."""
    return [str(terms.SIGNS[code]) for code in record.signs]


def alarm(record: "MoleRecord") -> str:
    """Say which signs need a doctor by themselves, also without an answer; empty without any."""
    alarming = [terms.SIGNS[code] for code in record.signs if code in taxonomy.ALARMING_SIGNS]
    if not alarming:
        return ""
    said = _("You told us: %s. Then a doctor should look at it, whatever the picture shows.")
    return said % terms.small(terms.listed(alarming))


def alarm_without_answer(record: "MoleRecord") -> str:
    """Say what needs a doctor though there is no answer: signs, what a doctor asked before, or what
    the camera page saw."""
    return " ".join(
        filter(None, (alarm(record), verdicts.asked(record), camera_alarm(record, "retake")))
    )


def advice_without_answer(record: "MoleRecord") -> str:
    """How soon a doctor should look though there is no answer: nothing takes back what the camera
    page, or a doctor before, had said; ``retake`` where nothing needs one."""
    said = {record.phone_advice, record.asked_before}.intersection(terms.BY_A_DOCTOR)
    least = max(said, key=taxonomy.ADVICE.index, default="retake")
    return taxonomy.advice_with_signs(least, record.signs)


def camera_alarm(record: "MoleRecord", recorded: str) -> str:
    """Say that the camera page had wanted a doctor, and sooner than what is recorded; or empty."""
    shown = record.phone_advice
    if shown not in terms.BY_A_DOCTOR:
        return ""
    order = taxonomy.ADVICE.index
    return str(SAW_SIGN) if order(shown) > order(recorded) else ""


def is_warned(record: "MoleRecord") -> bool:
    """Whether its picture can't be judged, and a doctor should see it all the same: by a sign, or
    since the camera page or another version of the program said so."""
    return record.state == "unusable" and record.danger > 0


def _phone(shown: str, recorded: str) -> str:
    """Say where the camera page had said something else than what stands here."""
    if not shown or HEADINGS[shown] == HEADINGS[recorded]:
        return ""
    return _(
        "The camera page had said: “%(shown)s”. What was saved was checked again; "
        "what stands here is the recorded answer."
    ) % {"shown": HEADINGS[shown]}


def is_minor(born: date | None, day: date) -> bool:
    """Whether a person was younger on that day than those that the program was tested on."""
    age = age_on(day, born) if born else None
    return age is not None and age < ADULT


def _untested(record: "MoleRecord", warnings: list[str]) -> list["StrOrPromise"]:
    """Say why the pictures that the program was tested on say little about this one."""
    reasons: list[StrOrPromise] = []
    if record.mole and record.mole.body_site in UNTESTED_SITES:
        reasons.append(UNTESTED_SITES[record.mole.body_site])
    if is_minor(record.born, timezone.localdate(record.created_at)):
        reasons.append(ADULTS_ONLY)
    if taxonomy.DARK_SKIN in warnings:
        reasons.append(UNTESTED_SKIN)
    return reasons


def _because(record: "MoleRecord", assessment: "Assessment") -> list[str]:
    """Say why the advice is stronger than the picture alone would give."""
    reasons = []
    if of_signs := alarm(record):
        reasons.append(of_signs)
    if record.changes:
        reasons.append(
            _("Measured since the first picture of this mole: %s. Then a doctor should look at it.")
            % changes.names(record.changes)
        )
    if of_doctor := verdicts.asked(record):
        reasons.append(of_doctor)
    if of_camera := camera_alarm(record, assessment.advice):
        reasons.append(of_camera)
    if assessment.uncertain:
        reasons.append(not_sure(assessment))
    if not reasons and not assessment.usable and is_warned(record):
        reasons.append(str(WANTED_BEFORE))
    return reasons


def _advice_before(record: "MoleRecord", advice: str) -> str:
    """What the program advised for an earlier picture of the mole, where that was more urgent and
    no doctor has seen it; empty elsewhere."""
    if not record.earlier_danger:
        return ""
    is_urgent = record.earlier_danger == record.Danger.HIGH_RISK
    before = "doctor_days" if is_urgent else "doctor_weeks"
    return before if taxonomy.ADVICE.index(before) > taxonomy.ADVICE.index(advice) else ""


def _warned_before(advice: str) -> str:
    if not advice:
        return ""
    return _(
        "The program said of an earlier picture of this mole: “%(said)s”. "
        "A newer picture does not take that back: let a doctor look at the mole."
    ) % {"said": HEADINGS[advice]}


def not_sure(assessment: "Assessment") -> str:
    """Say that the answer is uncertain, of one picture or of several."""
    if not assessment.pictures:
        return str(NOT_SURE)
    singly = [part["malignancy"] for part in assessment.pictures if part["usable"]]
    if together.is_contradicted(assessment.risk_category, singly):
        return _(
            "One of the pictures looks more serious than all of them together. A doctor can tell."
        )
    return _("The program is not sure about these pictures. A doctor can tell.")


def earlier(record: "MoleRecord") -> list[tuple["Assessment", Answer]]:
    """List what other versions of the program said about the picture, newest first."""
    found = []
    for other in record.assessments.exclude(pk=record.current_assessment_id):
        then = copy(record)
        then.current_assessment, then.phone_advice, then.changes = other, "", []
        then.stale_since, then.asked_before, then.earlier_danger = None, "", 0
        then.is_compared = then.is_comparable = True
        if said := answer(then):
            if said.tone == "calm":  # only what holds has the tone of its word
                said = replace(said, tone="neutral", how_soon="")
            # Which pictures there were then, nobody knows by now.
            found.append((other, replace(said, left_out=())))
    return sorted(found, key=lambda pair: pair[0].created_at, reverse=True)
