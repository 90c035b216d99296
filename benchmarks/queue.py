"""The doctors' list of records with 100,000 in the queue: server time and number of queries.

Wall time, and the processor time of Python and PostgreSQL, which other load does not change.

python -m benchmarks.queue [--records 100000] — on an embedded database of its own.
"""

import argparse
import contextlib
import os
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from benchmarks.results import keep, processor_s, summary

BATCH = 5000
REVIEWED = 0.2  # share of the records that have a verdict, beyond those that wait
REPEATS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=100_000)
    waiting = parser.parse_args().records
    with database():
        fill(waiting)
        keep("queue", {"records_waiting": waiting, "pages": _measure(waiting)})


@contextlib.contextmanager
def database() -> Iterator[None]:
    """A migrated one in a folder that goes afterwards."""
    import django
    from django.core.management import call_command

    from skincare_site.run import embedded

    with tempfile.TemporaryDirectory(prefix="queue-") as name:
        directory = Path(name)
        (directory / "static").mkdir()
        os.environ |= embedded.local_environment(directory) | {"STATIC_ROOT": f"{name}/static"}
        with embedded.servers(directory) as (_, environment):
            os.environ |= environment | {"DJANGO_SETTINGS_MODULE": "skincare_site.settings"}
            os.environ["DEMO"] = "1"  # the doctor of this benchmark has no second factor
            django.setup()
            from django.conf import settings

            settings.STORAGES["staticfiles"]["BACKEND"] = (
                "django.contrib.staticfiles.storage.StaticFilesStorage"
            )
            call_command("migrate", verbosity=0)
            yield


def fill(waiting: int) -> None:
    """Records, assessments of the size that the model gives, moles, verdicts and claims."""
    from django.contrib.auth.models import Group
    from django.db import connection, transaction
    from django.utils import timezone

    from accounts.models import User
    from diagnosis.models import Assessment, Mole, MoleRecord, Review

    chance, now = random.Random(0), timezone.now()
    doctor = User.objects.create_user("doctor@example.org", display_name="dr", is_staff=True)
    doctor.groups.add(Group.objects.get(name="doctor"))
    people = User.objects.bulk_create(
        [User(email=f"{number}@example.org", password="!") for number in range(waiting // 20)]
    )
    moles = Mole.objects.bulk_create(
        [Mole(owner=person, name=f"mole {number}") for person in people for number in range(4)]
    )
    for start in range(0, round(waiting * (1 + REVIEWED)), BATCH):
        records, assessments, reviews = [], [], []
        for number in range(start, min(start + BATCH, round(waiting * (1 + REVIEWED)))):
            mole = chance.choice(moles)
            said = Assessment(**answer(chance))
            record = MoleRecord(
                owner_id=mole.owner_id,
                mole=mole,
                image=f"records/{number}.jpg",
                note=f"note {number} " + "about the mole " * chance.randrange(6),
                state="done",
                attempts=1,
                finished_at=now,
                current_assessment_id=said.pk,
                review_claimed_by=doctor if chance.random() < 0.001 else None,
                review_claimed_until=now + timedelta(minutes=20),
            )
            said.record = record
            records.append(record)
            assessments.append(said)
            if number >= waiting:
                reviews.append(
                    Review(record=record, doctor=doctor, risk_category="benign", urgency="none")
                )
        with transaction.atomic():
            MoleRecord.objects.bulk_create(records)
            Assessment.objects.bulk_create(assessments)
            Review.objects.bulk_create(reviews)
        # auto_now_add gave all of them the same time.
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE diagnosis_molerecord "
                "SET created_at = now() - random() * interval '90 days' WHERE id = ANY(%s)",
                [[record.pk for record in records]],
            )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def answer(chance: random.Random) -> dict[str, Any]:
    from ml import taxonomy

    def part() -> float:
        return round(chance.random(), 4)  # as ml.classifier stores them

    weights = [chance.random() ** 4 for _name in taxonomy.DIAGNOSES]
    diagnoses = {
        name: weight / sum(weights)
        for name, weight in zip(taxonomy.DIAGNOSES, weights, strict=True)
    }
    categories = taxonomy.categories(diagnoses)
    category = chance.choices(taxonomy.RISK_CATEGORIES, (80, 13, 7))[0]
    uncertain = chance.random() < 0.15
    advice = {"malignant_high_risk": "doctor_days", "malignant_low_risk": "doctor_weeks"}
    return {
        "model_version": "benchmark",
        "modality": "photo",
        "usable": True,
        "diagnoses": diagnoses,
        "categories": categories,
        "malignancy": 1 - categories[taxonomy.BENIGN],
        "risk_category": category,
        "uncertain": uncertain,
        "advice": advice.get(category, "doctor_weeks" if uncertain else "watch"),
        "heatmap": {"rows": 7, "cols": 7, "values": [part() for _cell in range(49)]},
        "outline": [[part(), part()] for _point in range(60)],
        "milliseconds": 20.0,
    }


def _processor_s(backend: psutil.Process) -> float:
    """Also of the workers that PostgreSQL's process called for help."""
    workers = backend.parent().cpu_times()
    return processor_s(backend) + workers.children_user + workers.children_system


def _measure(waiting: int) -> dict[str, Any]:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse

    from accounts.models import User
    from diagnosis.models import MoleRecord

    page = reverse("admin:diagnosis_molerecord_changelist")
    person, some = User.objects.filter(is_staff=False).first(), MoleRecord.objects.first()
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get(email="doctor@example.org"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = psutil.Process(cursor.fetchone()[0])
    results = {}
    for name, address in {
        "front page": reverse("admin:index"),
        "queue": page,
        "page 2": f"{page}?p=2",
        "last page": f"{page}?p={waiting // 50}",
        "high risk": f"{page}?danger__exact=4",
        "benign": f"{page}?danger__exact=1",
        "uncertain": f"{page}?current_assessment__uncertain__exact=1",
        "certain": f"{page}?current_assessment__uncertain__exact=0",
        "claimed by me": f"{page}?claim=own",
        "free": f"{page}?claim=free",
        "reviewed": f"{page}?review=reviewed",
        "all": f"{page}?review=all",
        "photos": f"{page}?modality__exact=photo",
        "by malignancy": f"{page}?o=-4",
        "longest waiting": f"{page}?o=6",
        "search a person": f"{page}?q={person.pseudonym}",
        "search a record": f"{page}?q={some.pk}",
        "search a rare word": f"{page}?q=note+99999",
        "search a frequent word": f"{page}?q=about",
        "search nothing": f"{page}?q=xyzzy",
    }.items():
        client.get(address)  # warms templates and buffers
        times, before = [], _processor_s(backend)
        for _ in range(REPEATS):
            begin = time.perf_counter()
            response = client.get(address)
            times.append((time.perf_counter() - begin) * 1000)
            assert response.status_code == 200, (address, response.status_code)
        processor_ms = (_processor_s(backend) - before) * 1000 / REPEATS
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        slowest = max(float(query["time"]) for query in queries.captured_queries)
        results[name] = summary(times) | {
            "processor": round(processor_ms, 1),
            "queries": len(queries),
            "slowest_query": round(slowest * 1000),
        }
    return results


if __name__ == "__main__":
    main()
