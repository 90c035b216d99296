"""How old a person is."""

from datetime import date


def age_on(day: date, born: date) -> int:
    """Completed years of life."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
