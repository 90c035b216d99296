"""Similar cases among 1,000, 10,000 and 100,000 reviewed records: server time, memory, queries.

Wall time, and the processor time of Python and PostgreSQL, which other load does not change.

python -m benchmarks.similar [--records 1000 10000 100000] — on an embedded database of its own.
"""

import argparse
import random
import time
import tracemalloc
from typing import Any

import numpy as np
import psutil

from benchmarks.queue import BATCH, answer, database
from benchmarks.results import keep, processor_s, summary

REPEATS = 5
NUMBERS = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, nargs="+", default=[1000, 10_000, 100_000])
    with database():
        measured, there = {}, 0
        for records in sorted(parser.parse_args().records):
            fill(there, records)
            measured[records], there = _measure(), records
        keep("similar", {"reviewed": measured})


def fill(start: int, end: int) -> None:
    """Reviewed records of people who allow it, one picture for all of them, of random features."""
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage
    from django.db import connection, transaction
    from django.utils import timezone

    from accounts.models import User
    from diagnosis.models import Assessment, MoleRecord, Review
    from diagnosis.records import demos
    from ml import features

    chance, rng, now = random.Random(start), np.random.default_rng(start), timezone.now()
    if not start:
        default_storage.save("records/one.jpg", ContentFile(demos.picture("even_mole")))
        doctor = User.objects.create_superuser("doctor@example.org", display_name="dr")
        User.objects.create_user("alice@example.org", similar_consented_at=now)
        User.objects.create_user("bob@example.org", similar_consented_at=now)
    doctor = User.objects.get(email="doctor@example.org")
    alice, bob = User.objects.exclude(pk=doctor.pk).order_by("email")
    for first in range(start, end, BATCH):
        records, assessments, reviews = [], [], []
        for number in range(first, min(first + BATCH, end)):
            stored = features.pack(rng.normal(size=NUMBERS))
            said = Assessment(**answer(chance), features=stored)
            record = MoleRecord(
                owner=bob if number else alice,  # for whose one record the others are looked at
                image="records/one.jpg",
                state="done",
                attempts=1,
                finished_at=now,
                current_assessment_id=said.pk,
            )
            said.record = record
            records.append(record)
            assessments.append(said)
            reviews.append(
                Review(record=record, doctor=doctor, risk_category="benign", urgency="none")
            )
        with transaction.atomic():
            MoleRecord.objects.bulk_create(records)
            Assessment.objects.bulk_create(assessments)
            Review.objects.bulk_create(reviews)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _measure() -> dict[str, Any]:
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse

    from accounts.models import User
    from diagnosis.models import MoleRecord

    settings.SIMILAR_CASES = True
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get(email="doctor@example.org"))
    address = reverse(
        "admin:similar_cases", args=[MoleRecord.objects.get(owner__email="alice@example.org").pk]
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = psutil.Process(cursor.fetchone()[0])
    client.get(address)  # warms templates and buffers
    times, processor = [], []
    for _ in range(REPEATS):
        begin, before = time.perf_counter(), processor_s(backend)
        response = client.get(address)
        times.append((time.perf_counter() - begin) * 1000)
        processor.append(processor_s(backend) - before)
        assert response.content.count(b"data:image/jpeg") == 6, response.status_code
    tracemalloc.start()
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return summary(times) | {
        "processor": round(1000 * float(np.median(processor)), 1),
        "queries": len(queries),
        "kilobytes": round(len(response.content) / 1024),
        "megabytes_of_memory": round(most / 1024**2, 1),
    }


if __name__ == "__main__":
    main()
