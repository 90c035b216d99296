"""All records, assessed again by the released model: by the workers, a few at a time."""

import time
import uuid
from collections.abc import Iterator

from django.db.models import Q, QuerySet

from diagnosis import queue
from diagnosis.language import frequencies
from diagnosis.records.models import MoleRecord

WINDOW = 8  # asked for at a time, so that a new upload never waits behind many
PATIENCE = 120  # seconds for one of them


class Unreachable(Exception):
    """The broker is down."""


def outdated() -> QuerySet[MoleRecord]:
    """Records whose answer is not the released model's, which has one."""
    return _of_other_versions().exclude(pk__in=_not_judged().values("pk"))


def not_judged() -> int:
    """How many records keep an earlier answer, since the released model judges no such pictures."""
    return _of_other_versions().filter(pk__in=_not_judged().values("pk")).count()


def _of_other_versions() -> QuerySet[MoleRecord]:
    return MoleRecord.objects.assessed().exclude(
        current_assessment__model_version=frequencies.release()["version"]
    )


def _not_judged() -> QuerySet[MoleRecord]:
    kinds = frequencies.kinds_not_judged()
    return MoleRecord.objects.filter(Q(modality__in=kinds) | Q(further__modality__in=kinds))


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
