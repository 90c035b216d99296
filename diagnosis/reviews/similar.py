"""Similar cases: reviewed records of other people that look most like one, without whose they are.

Only pictures of people who allow exactly this, at that moment; never imported ones, whose people
nobody has asked. The search is exact: benchmarks/similar.py says what a hundred thousand cost.
"""

import uuid
from base64 import b64encode
from dataclasses import dataclass
from datetime import date
from itertools import islice

import numpy as np
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from audit import log
from diagnosis import media
from diagnosis.records import pictures
from diagnosis.records.models import Assessment, MoleRecord
from diagnosis.reviews.models import Review
from ml import features

SHOWN = 6
CHUNK = 5000  # records whose features are in memory at a time


@dataclass(frozen=True, slots=True)
class Case:
    """What a doctor sees of another person's record: no id that leads to it.

    ``month`` is the first day of the one in which it was sent; ``picture`` a small JPEG as a
    ``data:`` address, empty where the file is gone; ``diagnosis`` one of the list, or empty.
    """

    distance: float
    month: date
    picture: str
    diagnosis: str
    risk_category: str
    urgency: str


def can_be_looked_for(record: MoleRecord) -> bool:
    """Whether the service has it on, and the record has what it is found by."""
    answer = record.current_assessment
    return settings.SIMILAR_CASES and bool(answer and answer.usable and answer.features)


def measured(record: MoleRecord) -> dict[str, int] | None:
    """Of 100 nearest test pictures of this kind: how many showed the same diagnosis (``same``), by
    ``chance``, and how many of a melanoma's were ``benign``; None where that was not measured."""
    answer, known = record.current_assessment, features.neighbours()
    figures = known["modalities"].get(record.modality, {})
    melanoma = figures.get("diagnoses", {}).get("mel")
    if not (answer and melanoma and known["model_version"] == answer.model_version):
        return None
    benign = 1 - melanoma["same_malignancy"]
    shares = {"same": figures["same"], "chance": figures["chance"], "benign": benign}
    return {name: round(100 * share) for name, share in shares.items()}


def cases(record: MoleRecord) -> list[Case]:
    """The reviewed records most like this one, nearest first, one a mole; the look is logged.

    Of the same kind of picture, by the same version of the model. Empty where
    ``can_be_looked_for`` says no, or nothing is there to compare with. Raises media.Unreachable.
    """
    answer = record.current_assessment
    found = _nearest(record, answer) if answer and can_be_looked_for(record) else []
    log.look(
        MoleRecord,
        record,
        details={"action": log.SIMILAR, "shown": [str(pk) for pk, _distance in found]},
    )
    final = Review.objects.filter(record__in=[pk for pk, _distance in found], is_final=True)
    newest = {
        review.record_id: review for review in final.select_related("record").order_by("news_since")
    }
    return [_case(newest[pk], distance) for pk, distance in found if pk in newest]


def comparable(record: MoleRecord, answer: Assessment) -> QuerySet[MoleRecord]:
    """Other people's reviewed records that may be shown beside this one."""
    return (
        MoleRecord.objects.filter(
            origin__in=MoleRecord.OF_ITS_OWNER,
            state=MoleRecord.State.DONE,
            is_reviewed=True,
            modality=record.modality,
            owner__similar_consented_at__isnull=False,
            owner__is_active=True,
            current_assessment__model_version=answer.model_version,
            current_assessment__features__isnull=False,
        )
        .exclude(owner=record.owner_id)
        .order_by()
    )


def _nearest(record: MoleRecord, answer: Assessment) -> list[tuple[uuid.UUID, float]]:
    [own] = features.unpack([answer.features or b""])
    rows = comparable(record, answer).values_list("pk", "mole", "current_assessment__features")
    left = rows.iterator(chunk_size=CHUNK)
    keys, distances = [], [np.zeros(0)]
    while chunk := list(islice(left, CHUNK)):
        keys += [(key, mole) for key, mole, _stored in chunk]
        stored = features.unpack([stored or b"" for *_, stored in chunk])
        distances.append(features.distances(own, stored))
    of_all = np.concatenate(distances)
    found: dict[uuid.UUID, tuple[uuid.UUID, float]] = {}
    for at in np.argsort(of_all):
        key, mole = keys[at]
        found.setdefault(mole or key, (key, float(of_all[at])))
        if len(found) == SHOWN:
            break
    return list(found.values())


def _case(review: Review, distance: float) -> Case:
    record = review.record
    try:
        picture = f"data:image/jpeg;base64,{b64encode(pictures.thumbnail(record)).decode()}"
    except media.Unreachable:
        raise
    except OSError:
        picture = ""
    # Of a diagnosis in the doctor's own words, the category alone: they might speak of a person.
    return Case(
        distance=distance,
        month=timezone.localtime(record.created_at).date().replace(day=1),
        picture=picture,
        diagnosis=review.diagnosis,
        risk_category=review.risk_category,
        urgency=review.urgency,
    )
