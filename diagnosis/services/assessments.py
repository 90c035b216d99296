"""Assessments: the model's answer to one record, stored with the record's final state."""

import functools
import uuid

from django.conf import settings

from diagnosis.models import Assessment, MoleRecord
from diagnosis.services import claims, queue
from ml import classifier as ml_classifier
from ml.images import ImageError, decode
from ml.taxonomy import advice_with_signs

SWEEP_AT_MOST = 200  # the oldest come first; the next sweep sends the rest


@functools.cache
def classifier() -> ml_classifier.Classifier:
    """The released model, loaded once per process."""
    return ml_classifier.load(engine=settings.ML_ENGINE)


def warm() -> None:
    """Load the model and let it answer once, so that no record waits for that."""
    classifier().warm()


def run(record_id: uuid.UUID | str) -> None:
    """Claim the record, assess its picture, and store the answer.

    Does nothing when there is nothing to claim. Raises what the classifier raises, after giving
    the record back.
    """
    record = claims.claim(record_id)
    if record is None:
        return
    try:
        with record.image.open() as file:
            picture = decode(file)
        [answer] = classifier().assess([picture], record.modality)
        facts = answer.as_dict()
        facts["advice"] = advice_with_signs(facts["advice"], record.signs)
        claims.finish(record, Assessment(**facts))
    except ImageError:
        claims.fail(record, MoleRecord.FailureReason.UNREADABLE)
    except Exception:
        # Whoever deletes a record takes the picture from under the task, which is no error.
        if claims.release(record):
            raise


def sweep() -> int:
    """Send again what waits or was interrupted, fail what was so too often; return how many."""
    claims.give_up_interrupted()
    due = list(claims.waiting().values_list("pk", flat=True)[:SWEEP_AT_MOST])
    for record_id in due:
        queue.send(record_id)
    return len(due)
