"""All records, assessed again by the released model: by the workers, a few at a time."""

import time
import uuid
from collections.abc import Iterator

from django.db.models import QuerySet

from diagnosis import queue
from diagnosis.language import frequencies
from diagnosis.records.models import MoleRecord

WINDOW = 8  # asked for at a time, so that a new upload never waits behind many
PATIENCE = 120  # seconds for one of them


class Unreachable(Exception):
    """The broker is down."""


def outdated() -> QuerySet[MoleRecord]:
    """Records whose answer is not the released model's."""
    return MoleRecord.objects.assessed().exclude(
        current_assessment__model_version=frequencies.release()["version"]
    )


def run(records: list[uuid.UUID], pause: float = 0.2) -> Iterator[tuple[uuid.UUID, bool]]:
    """Have the records assessed again; yield each when it is done, or given up (False).

    Stopped at any time and run on ``outdated()`` again, it goes on. Raises Unreachable.
    """
    todo = iter(records)
    asked: dict[uuid.UUID, float] = {}
    while True:
        while len(asked) < WINDOW and (key := next(todo, None)) is not None:
            if not queue.send_again(key):
                raise Unreachable
            asked[key] = time.monotonic()
        if not asked:
            return
        left = set(outdated().filter(pk__in=asked).values_list("pk", flat=True))
        for key in [key for key in asked if key not in left]:
            del asked[key]
            yield key, True
        now = time.monotonic()
        for key in [key for key, since in asked.items() if now - since > PATIENCE]:
            del asked[key]
            yield key, False
        if asked:
            time.sleep(pause)
