"""How requests are read: one representation for each address, and JSON without a trap."""

import json
import math
from collections import Counter
from typing import Any, NoReturn

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

DEEPEST = 20  # objects and lists within each other; the API's own bodies have two


class OneRepresentation(DefaultContentNegotiation):
    """Each address has one representation, whatever the client says it accepts (RFC 9110, 12.1)."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[Any, str]:
        return renderers[0], renderers[0].media_type


class OneMeaningJSONParser(JSONParser):
    """JSON whose every reader understands the same: no name twice, no NaN, nothing bottomless.

    RFC 8259 (4) leaves it open which of two equal names counts.
    """

    def parse(self, stream: Any, *arguments: Any, **named: Any) -> Any:
        """Raises ParseError, ValidationError."""
        try:
            text = stream.read().decode("utf-8")
            data = json.loads(
                text,
                object_pairs_hook=_once_each,
                parse_constant=_refused,
                parse_float=_finite,
            )
        except (ValueError, RecursionError) as error:
            deep = isinstance(error, RecursionError)
            why = _("It is nested too deeply.") if deep else str(error)
            raise ParseError(_("This is not JSON: %(why)s") % {"why": why}) from None
        if not isinstance(data, dict):
            raise ValidationError([_("Send an object, in braces.")])
        if _depth(data) > DEEPEST:
            raise ParseError(_("It is nested too deeply."))
        return data


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        times = Counter(name for name, _value in pairs)
        twice = next(name for name in times if times[name] > 1)
        raise ValidationError({twice: [_("It is there twice.")]})
    return found


def _refused(constant: str) -> NoReturn:
    raise ValueError(constant)


def _finite(text: str) -> float:
    """A number that is too large for a float would be read as infinite. Raises ValueError."""
    number = float(text)
    return number if math.isfinite(number) else _refused(text)


def _depth(data: Any) -> int:
    """Count levels without recursion."""
    level, depth = [data], 0
    while level:
        depth += 1
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return depth
