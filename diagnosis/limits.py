"""How much one person may ask for: counted in the services, so at every door alike.

Counts lie in the cache: without Redis, each process has its own, and people still upload.
"""

import math
import time

from django.conf import settings
from django.core.cache import cache
from django.db.models import Model
from django.utils.translation import ngettext


class TryLater(Exception):
    """What can't be done now; ``seconds`` says when it can, ``sentence`` says so to a person."""

    status = 429

    def __init__(self, seconds: float) -> None:
        self.seconds = math.ceil(seconds)
        minutes = math.ceil(seconds / 60)
        self.sentence = ngettext(
            "Too many requests. Try again in %(number)d minute.",
            "Too many requests. Try again in %(number)d minutes.",
            minutes,
        ) % {"number": minutes}
        super().__init__(self.sentence)


BROKER_DOWN = 60  # seconds until it is worth asking again


class Busy(TryLater):
    """Not this person: all of them together ask for more than this machine does at once."""

    status = 503


def spend(who: Model, what: str, amount: int = 1) -> None:
    """Count some of ``what``, for which settings.LIMITS has (how many, in how many seconds), of a
    person, or of a link whose holder asks in place of one.

    Who asks at once for more than is left gets it, and then nothing more. Raises TryLater.
    """
    if what not in settings.LIMITS:
        return
    most, seconds = settings.LIMITS[what]
    window, elapsed = divmod(time.time(), seconds)
    key = f"limits:{what}:{who.pk}:{int(window)}"
    cache.add(key, 0, timeout=seconds)
    try:
        count = cache.incr(key, amount)
    except ValueError:  # expired just now, or Redis went away
        return
    if count - amount >= most:
        raise TryLater(seconds - elapsed)
