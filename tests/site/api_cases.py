"""What schemathesis needs to reach what is behind the addresses: people, things, a transaction."""

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import schemathesis
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
)

from accounts import tokens
from accounts.models import User
from diagnosis.models import Share, Webhook
from skincare_site.wsgi import application
from tests.factories import (
    PASSWORD,
    MoleFactory,
    RecordFactory,
    ReviewFactory,
    assessed,
    picture,
)

# What a schema can't say: that a day has passed, that a mole is another person's.
NOT_SAID = [negative_data_rejection, positive_data_acceptance]
# Along links, the made-up token is replaced by a real one only after the check has seen it.
NOT_SAID_OF_LINKS = [*NOT_SAID, ignored_auth]


def whole_answer(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Schemathesis neither says where it asks from nor closes what it reads, as a server does."""
    environ.setdefault("REMOTE_ADDR", "127.0.0.1")
    with closing(application(environ, start_response)) as body:
        return list(body)


def description() -> Any:
    schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(public=True))
    schema.app = whole_answer
    return schema


@contextmanager
def undone() -> Iterator[None]:
    """Leave the database as it was, and nobody over a limit."""
    cache.clear()
    before = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(before)


def header_of(person: User) -> dict[str, str]:
    return {"Authorization": f"Token {tokens.create(person=person)[1]}"}


def things_of(person: User) -> dict[str, str]:
    """One of each of the person's things, by the part of the address that asks for it."""
    mole = MoleFactory(owner=person)
    record = assessed(owner=person, mole=mole)
    share = Share.objects.create(
        owner=person, mole=mole, expires_at=timezone.now() + timezone.timedelta(days=1)
    )
    review = ReviewFactory(record=record, doctor=person) if person.is_staff else record
    webhook = Webhook.objects.create(
        owner=person, url="https://example.org/", events=["record.assessed"]
    )
    return {
        "records": str(record.pk),
        "webhooks": str(webhook.pk),
        "failed": str(RecordFactory(owner=person, failed=True).pk),
        "moles": str(mole.pk),
        "shares": str(share.pk),
        "queue": str(assessed(owner=person).pk),
        "reviews": str(review.pk),
        "tokens": str(tokens.id_of(tokens.create(person=person)[0])),
    }


def make_real(case: Any, things: dict[str, str]) -> None:
    """In half of the cases, something that is there in place of what was made up."""
    if hashlib.sha256(repr(case.body).encode() + repr(case.query).encode()).digest()[0] % 2:
        return
    room = case.operation.path.removeprefix("/api/v1/").split("/")[0]
    if case.path_parameters and "id" in case.path_parameters:
        room = "failed" if case.operation.path.endswith("/retry/") else room
        # FHIR and DICOM name the record.
        case.path_parameters["id"] = things.get(room, things["records"])
    if isinstance(case.body, dict):
        real = {"password": PASSWORD, "mole": things["moles"], "image": picture()}
        if room == "shares":
            real["record"] = None
        case.body = case.body | {name: real[name] for name in real.keys() & case.body.keys()}
