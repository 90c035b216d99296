"""Server time of the history with 2,000 records, and of the report, on a database of its own.

python -m benchmarks.history [--records 2000] [--requests 30]
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.results import keep, processor_s, summary
from skincare_site.run import embedded

PAGES = {
    "first_page": {},
    "last_page": {"page": "last"},
    "search_in_notes": {"q": "summer"},
    "every_filter": {
        "q": "summer",
        "body_site": "back",
        "category": "benign",
        "state": "done",
        "since": "2000-01-01",
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=2000)
    parser.add_argument("--requests", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        directory = Path(folder)
        (directory / "static").mkdir()
        os.environ |= embedded.local_environment(directory)
        os.environ |= {"DJANGO_SETTINGS_MODULE": "skincare_site.settings"}
        with embedded.servers(directory) as (_processes, environment):
            os.environ |= environment
            measure(options.records, options.requests)


def measure(number: int, requests: int) -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse

    call_command("migrate", verbosity=0)
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    person, mole = fill(number)
    client = Client()
    client.force_login(person)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = psutil.Process(cursor.fetchone()[0])
    history = reverse("diagnosis:history")
    result = {"records": number}
    for name, asked in PAGES.items():
        result[name] = timed(client, history, asked, requests, backend)
        with CaptureQueriesContext(connection) as queries:
            client.get(history, asked)
        result[name]["queries"] = len(queries)
    page = reverse("diagnosis:mole_detail", args=[mole.pk])
    result["page_of_a_mole_with_40_pictures"] = timed(client, page, {}, requests, backend)
    report = reverse("diagnosis:mole_report", args=[mole.pk])
    result["report_of_40_pictures"] = timed(client, report, {}, 3, backend)
    keep("history", result)


def fill(number: int) -> tuple:
    """A person with that many records, half of them of one of 50 moles, each with a verdict."""
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage
    from django.utils import timezone

    from accounts.models import User
    from diagnosis.language import terms
    from diagnosis.models import Assessment, Mole, MoleRecord, Review
    from diagnosis.records import demos
    from ml import taxonomy

    person = User.objects.create_user("person@example.org", display_name="person")
    doctor = User.objects.create_user("doctor@example.org", display_name="Dr Demo", is_staff=True)
    moles = Mole.objects.bulk_create(
        Mole(owner=person, name=f"mole {i}", body_site=list(terms.BODY_SITES)[i % 20])
        for i in range(50)
    )
    picture = default_storage.save("records/picture.jpg", ContentFile(demos.picture("even_mole")))
    records = MoleRecord.objects.bulk_create(
        MoleRecord(
            owner=person,
            mole=moles[i // 2 % 50] if i % 2 else None,
            image=picture,
            note="darker than in the summer " * 8 if i % 3 else "",
            size_mm=4 + i % 5,
        )
        for i in range(number)
    )
    diagnoses = {name: 1 / len(taxonomy.DIAGNOSES) for name in taxonomy.DIAGNOSES}
    categories = taxonomy.categories(diagnoses)
    assessments = Assessment.objects.bulk_create(
        Assessment(
            record=record,
            model_version="benchmark",
            modality="photo",
            usable=True,
            diagnoses=diagnoses,
            categories=categories,
            malignancy=1 - categories[taxonomy.BENIGN],
            risk_category=taxonomy.RISK_CATEGORIES[i % 3],
            uncertain=False,
            advice="watch",
            heatmap={"rows": 7, "cols": 7, "values": [0.5] * 49},
            outline=[[0.5, 0.5]] * 60,
            milliseconds=5,
        )
        for i, record in enumerate(records)
    )
    for record, assessment in zip(records, assessments, strict=True):
        record.state, record.current_assessment = "done", assessment
        record.finished_at = timezone.now()
    fields = ["state", "current_assessment", "finished_at"]
    MoleRecord.objects.bulk_update(records, fields, batch_size=500)
    Review.objects.bulk_create(
        Review(
            record=record,
            doctor=doctor,
            risk_category=taxonomy.BENIGN,
            urgency="none",
        )
        for record in records
    )
    return person, moles[0]


def timed(
    client: Any, address: str, asked: dict[str, str], requests: int, backend: psutil.Process
) -> dict[str, float]:
    """Milliseconds of a whole answer, and of processor time, which other load leaves alone."""
    client.get(address, asked)  # templates and plans are ready
    walls, before = [], processor_s(backend)
    for _ in range(requests):
        begin = time.perf_counter()
        answer = client.get(address, asked)
        walls.append(1000 * (time.perf_counter() - begin))
        assert answer.status_code == 200
    spent = 1000 * (processor_s(backend) - before) / requests
    return summary(walls) | {"processor": round(spent, 1)}


if __name__ == "__main__":
    main()
