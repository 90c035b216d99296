"""How old a person is."""

from datetime import date

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

MAXIMUM_AGE = 120


def age_on(day: date, born: date) -> int | None:
    """Completed years of life; None for a date of birth that can't be right."""
    age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    return age if 0 <= age <= MAXIMUM_AGE else None


def check_born(born: date) -> None:
    """Raises ValidationError for a date of birth that can't be right."""
    if age_on(timezone.localdate(), born) is None:
        raise ValidationError(_("Enter the real date of birth."))
