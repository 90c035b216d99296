"""Figures as people read them: rounded, with the commas of their language."""

from decimal import Decimal

from django.template.defaultfilters import floatformat
from django.utils.translation import gettext as _


def number(value: float | Decimal, digits: int) -> str:
    """Round to so many digits; Django's own ``number_format`` cuts off what follows."""
    return floatformat(value, digits)


def percent(share: float, digits: int = 0) -> str:
    """Write a share in hundred, with the sign as the language sets it."""
    return _("%(number)s%%") % {"number": number(100 * share, digits)}
