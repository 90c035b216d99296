"""Server time of the API with 100,000 records, on a database of its own, and its queries.

python -m benchmarks.api [--records 100000] [--requests 40]
"""

import argparse
import io
import random
import time
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import psutil
from PIL import Image

from benchmarks.queue import database, fill
from benchmarks.results import keep, processor_s, summary

OWN = 2000  # of the records belong to the person who asks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=40)
    options = parser.parse_args()
    with database():
        fill(options.records)
        person = _with_many_records()
        measured = _measure(person, options.requests)
        keep("api", {"records": options.records, "of_the_person": OWN, "asked": measured})


def _with_many_records() -> Any:
    """Somebody who has used the service for years: reviewed records among everybody else's."""
    from django.db import connection

    from accounts.models import User
    from diagnosis.models import Mole, MoleRecord

    person = User.objects.filter(is_staff=False).first()
    some = MoleRecord.objects.order_by("-is_reviewed", "pk").values("pk")[:OWN]
    MoleRecord.objects.filter(pk__in=list(some.values_list("pk", flat=True))).update(owner=person)
    Mole.objects.filter(records__owner=person).update(owner=person)
    person.consent_version, person.consented_at = "benchmark", person.date_joined
    person.save()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return person


def _measure(person: Any, requests: int) -> dict[str, Any]:
    from django.conf import settings
    from django.core.cache import cache
    from django.db import connection
    from django.utils import timezone
    from rest_framework.test import APIClient

    from accounts import tokens
    from accounts.models import User

    settings.LIMITS = {}
    doctor = User.objects.get(email="doctor@example.org")
    programs = {
        who: APIClient(
            headers={"host": "localhost", "authorization": f"Token {tokens.create(person=of)[1]}"}
        )
        for who, of in (("person", person), ("doctor", doctor))
    }
    api = "/api/v1/"
    some = random.Random(0).sample(list(person.records.values_list("pk", flat=True)), 20)
    mole = person.records.filter(mole__isnull=False).first().mole_id
    first = programs["person"].get(f"{api}records/?page_size=50").json()
    third = programs["person"].get(first["next"]).json()["next"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = psutil.Process(cursor.fetchone()[0])
    asked = {
        "list of 50": ("person", [f"{api}records/?page_size=50"]),
        "list of 10": ("person", [f"{api}records/?page_size=10"]),
        "third page of 50": ("person", [third]),
        "list of 50, most dangerous first": (
            "person",
            [f"{api}records/?page_size=50&ordering=-danger"],
        ),
        **{
            f"list of 50, {what}": ("person", [f"{api}records/?page_size=50&{query}"])
            for what, query in {
                "oldest first": "ordering=created_at",
                "of one mole": f"mole={mole}",
                "of one group": "category=malignant_high_risk",
                "of one state": "state=unusable",
                "since 30 days": f"since={timezone.localdate() - timedelta(days=30)}",
                "searched for a frequent word": "q=about",
                "searched for a rare word": "q=note+99999",
            }.items()
        },
        "retrieve": ("person", [f"{api}records/{pk}/" for pk in some]),
        "moles": ("person", [f"{api}moles/?page_size=50"]),
        "timeline": ("person", [f"{api}moles/{mole}/timeline/"]),
        "queue of 50": ("doctor", [f"{api}queue/?page_size=50"]),
    }
    found: dict[str, Any] = {}
    for name, (who, addresses) in asked.items():
        cache.clear()  # 600 requests a minute are allowed, and fewer than these take
        found[name] = _timed(programs[who], addresses, requests, backend)
        print(name, flush=True)
    cache.clear()
    found["create with 3 megapixels"] = _created(programs["person"], max(5, requests // 4), backend)
    return found


def _timed(
    program: Any, addresses: list[str], requests: int, backend: psutil.Process
) -> dict[str, Any]:
    """Milliseconds of the whole answer, of processor time, and how many queries it took."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for address in addresses[:3]:
        program.get(address)
    walls, before = [], processor_s(backend)
    for number in range(requests):
        begin = time.perf_counter()
        answer = program.get(addresses[number % len(addresses)])
        walls.append(1000 * (time.perf_counter() - begin))
        assert answer.status_code == 200, answer.content
    spent = 1000 * (processor_s(backend) - before) / requests
    with CaptureQueriesContext(connection) as queries:
        program.get(addresses[0])
    return summary(walls) | {"processor": round(spent, 1), "queries": len(queries)}


def _created(program: Any, requests: int, backend: psutil.Process) -> dict[str, Any]:
    """Of a picture with a phone's noise: the whole, what decoding and encoding take, the rest.

    They are done by a process of their own, whose processor time is not counted.
    """
    from django.core.files.base import ContentFile

    from diagnosis.records import pictures

    noise = Image.effect_noise((2048, 1536), 40).convert("RGB")
    stream = io.BytesIO()
    noise.save(stream, "JPEG", quality=85)
    picture = stream.getvalue()
    decoding: list[float] = []
    reencode = pictures.reencode

    def timed(file: Any) -> Any:
        begin = time.perf_counter()
        stored = reencode(file)
        decoding.append(1000 * (time.perf_counter() - begin))
        return stored

    walls = []
    with patch.object(pictures, "reencode", timed):
        for number in range(requests + 1):
            file = ContentFile(picture + bytes([number]), name="mole.jpg")
            if number == 1:  # the first one started the process that decodes
                before = processor_s(backend)
            begin = time.perf_counter()
            answer = program.post("/api/v1/records/", {"image": file}, format="multipart")
            walls.append(1000 * (time.perf_counter() - begin))
            assert answer.status_code == 201, answer.content
    spent = 1000 * (processor_s(backend) - before) / requests
    rest = [whole - part for whole, part in zip(walls, decoding, strict=True)]
    return {
        "kilobytes": len(picture) // 1024,
        "whole": summary(walls[1:]),
        "decoding": summary(decoding[1:]),
        "besides": summary(rest[1:]) | {"processor": round(spent, 1)},
    }


if __name__ == "__main__":
    main()
