"""What people agree to, apart from each other: that pictures are stored, and that they teach."""

from datetime import date

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.age import age_on
from accounts.models import User

MINIMUM_AGE = 16  # GDPR art. 8: below it, a child's own consent does not count everywhere in the EU

# Change the version with the text: each account keeps the one that its person agreed to.
CONSENT_VERSION = "2026-11-24"
CONSENT_TEXT = _(
    "I agree that my pictures and what I write about my skin, which are health data, are stored "
    "here and assessed by a computer program, and that doctors of this service may look at them. "
    "I can withdraw this at any time by deleting my pictures."
)
# Apart from the consent above, as GDPR art. 7 (2) asks: nobody has to give it to use the service.
TEACHING_TEXT = _(
    "I allow that my pictures which a doctor has looked at help to train and to test the program. "
    "My name, my notes and my exact age stay out. I can change my mind at any time: "
    "from then on my pictures are left out."
)

SIMILAR_TEXT = _(
    "I allow that doctors here see my pictures which a doctor has looked at, with the verdict and "
    "the month, when they look at a similar picture of somebody else. My name, my age, my notes "
    "and the doctor’s comments stay out. I can change my mind at any time: "
    "from then on my pictures are not shown."
)


def check_old_enough(born: date) -> None:
    """Raises ValidationError for who is too young to consent, not for what check_born refuses."""
    age = age_on(timezone.localdate(), born)
    if age is not None and age < MINIMUM_AGE:
        raise ValidationError(_("You must be at least 16 years old to use this service."))


def give(*, person: User, time_zone: str = "", date_of_birth: date | None = None) -> None:
    """Store that the person agrees to the present text; who agreed to it before keeps that day.

    ``time_zone``: of the browser, for an account that has none; so ``date_of_birth``.
    """
    if person.consent_version != CONSENT_VERSION:
        person.consent_version, person.consented_at = CONSENT_VERSION, timezone.now()
        person.time_zone = person.time_zone or time_zone
        person.date_of_birth = person.date_of_birth or date_of_birth
        stored = ["consent_version", "consented_at", "time_zone", "date_of_birth"]
        person.save(update_fields=stored)


def allow_teaching(*, person: User, agreed: bool) -> None:
    """Store when they agreed, or that they no longer do; agreeing again keeps the first day."""
    _allow(person, "teaching_consented_at", agreed=agreed)


def allow_similar(*, person: User, agreed: bool) -> None:
    """As ``allow_teaching``, of being shown to doctors beside similar pictures of others."""
    _allow(person, "similar_consented_at", agreed=agreed)


def _allow(person: User, since: str, *, agreed: bool) -> None:
    """Keep in the field ``since`` when it was agreed to first; None while it is not."""
    setattr(person, since, (getattr(person, since) or timezone.now()) if agreed else None)
    person.save(update_fields=[since])
