"""Own data: all that is kept about a person, to take away."""

import json
from collections.abc import Collection, Generator, Iterator
from typing import Any

from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.core.files.base import ContentFile
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import F, Model, Prefetch
from django.utils.translation import gettext as _
from zipstream import ZIP_DEFLATED, ZIP_STORED, ZipStream

from accounts.models import User
from audit import log
from diagnosis import media
from diagnosis.language import results, verdicts
from diagnosis.records.models import Assessment, MoleRecord, Picture
from diagnosis.reviews.models import DoctorProfile, Review
from diagnosis.webhooks.models import Webhook
from ml.features import unpack

CHUNK = 100  # records in memory at a time
RIGHTS = {"password", "session_stamp", "is_superuser", "is_staff", "is_active"}
# What the service needs to do its work, and says nothing about the person.
INNER_WORKINGS = {
    *("owner_id", "image", "attempts", "claim_token", "claimed_until", "idempotency_key"),
    *("danger", "is_reviewed", "has_new_alarm", "review_claimed_by_id", "review_claimed_until"),
    *("secret_number", "busy_until"),
}
# Tables that point to a person: under which name the archive holds their rows, or why it does not.
RELATED = {
    "moles": "moles",
    "records": "records",
    "shares": "share_links",
    "webhooks": "webhooks",
    "push_subscriptions": "account.notifications",
    "emailaddress_set": "account.addresses",
    "authenticator_set": "account.second_steps",
    "socialaccount_set": "account.identities",
    "usersession_set": "account.sessions",
    "auth_token_set": "account.tokens",
    "doctor_profile": "account.doctor_settings",
    "reviews": "verdicts_written",
    "logentry_set": "audit_log",
    "idempotency_keys": None,  # numbers that programs made up, for a day
    "asked_opinions": None,  # what colleagues ask a doctor about others' records
    "review_claims": None,  # which of others' records a doctor is about to review, for minutes
}
# Of a verdict, what its record's person does not get: doctors write it to each other, and it may
# speak of others; README.txt says that it exists and whom to ask.
REVIEW_LEFT_OUT = {*Review.FOR_DOCTORS, "blind", "id", "record_id", "doctor_id", "news_since"}


def archive(person: User) -> Generator[bytes, None, None]:
    """A ZIP, written while it is read: data.json, and each picture under its id, which is the
    record's or its own; UNREADABLE.txt names those that the disk does not give back."""
    stream = ZipStream(compress_type=ZIP_STORED)  # JPEG doesn't get smaller
    stream.add(_explanation().encode(), "README.txt")
    stream.add(_as_json(person), "data.json", compress_type=ZIP_DEFLATED)
    yield from stream.all_files()
    records = person.records.order_by("created_at").prefetch_related("further")
    unreadable = []
    for record in records.iterator(chunk_size=CHUNK):
        for each in record.pictures:
            try:
                picture = ContentFile(media.read(each.image))
            except FileNotFoundError:
                continue  # deleted while this is written
            except media.Unreadable:
                unreadable.append(_place(each))
                continue
            # In parts, so that whoever takes them too slowly is cut off.
            stream.add(picture.chunks(), _place(each))
            yield from stream.all_files()
    if unreadable:
        stream.add("\n".join([_unreadable(), *unreadable, ""]).encode(), "UNREADABLE.txt")
    yield from stream.finalize()


def _explanation() -> str:
    what = _(
        "data.json holds all that the service keeps about you: your account, your moles, and your "
        "records with every answer of the program and every final verdict of a doctor.\n"
        "pictures/ holds your pictures; each is named after the id of its record, or, where a "
        "record has several, after its own.\n"
        "What doctors note for each other beside a verdict is left out, since it may speak of "
        "other people: ask whoever runs this service for it.\n"
    )
    holds = _(
        "In data.json an advice of “watch” does not hold, or not yet, in a record with "
        "“is_stale”: true or “is_compared”: false, nor does a doctor’s verdict in one with "
        "“is_reviewed”: false. “asked_before” is a visit that a doctor asked for after an earlier "
        "picture of the mole. Times are in UTC.\n"
    )
    return what + holds


def _unreadable() -> str:
    return _(
        "These pictures can't be read at the moment, and are missing here. "
        "Tell whoever runs this service, and download your data again later."
    )


def _as_json(person: User) -> Iterator[bytes]:
    """One object, row by row where there may be thousands, so that they take no memory."""
    head = {
        "account": _account(person),
        "moles": [_fields(mole) for mole in person.moles.order_by("created_at")],
        "share_links": list(person.shares.values("mole", "record", "created_at", "expires_at")),
        "webhooks": [_webhook(webhook) for webhook in person.webhooks.all()],
    }
    written = person.reviews.select_related("second_opinion").order_by("created_at")
    records = person.records.with_comparison().with_asked_before().order_by("created_at")
    records = records.prefetch_related(
        "assessments__changes_until",
        "further",
        Prefetch("reviews", Review.objects.filter(is_final=True)),
    )
    yield _dump(head)[:-1]
    for name, rows in (
        ("verdicts_written", map(_verdict, written.iterator(chunk_size=CHUNK))),
        ("audit_log", log.about(person, [person.moles.all(), person.records.all()])),
        ("records", map(_record, records.iterator(chunk_size=CHUNK))),
    ):
        yield f', "{name}": ['.encode()
        for number, row in enumerate(rows):
            yield (b",\n" if number else b"\n") + _dump(row)
        yield b"\n]"
    yield b"}\n"


def _webhook(webhook: Webhook) -> dict[str, Any]:
    """With what it was told; its secret is stored nowhere."""
    deliveries = webhook.deliveries.values("event", "record_id", "created_at", "delivered_at")
    return _fields(webhook, leave_out=INNER_WORKINGS) | {"deliveries": list(deliveries)}


def _account(person: User) -> dict[str, Any]:
    return _fields(person, leave_out=RIGHTS) | {
        "groups": list(person.groups.values_list("name", flat=True)),
        "sessions": list(
            UserSession.objects.filter(user=person).values("created_at", "ip", "user_agent")
        ),
        "tokens": list(
            person.auth_token_set.values(
                "created", "expiry", name=F("details__name"), scope=F("details__scope")
            )
        ),
        "notifications": list(person.push_subscriptions.values("endpoint", "created_at")),
        "addresses": list(person.emailaddress_set.values("email", "primary", "verified")),
        "identities": list(
            SocialAccount.objects.filter(user=person).values(
                "provider", "uid", "extra_data", "date_joined", "last_login"
            )
        ),
        "second_steps": [
            {
                "type": factor.type,
                "name": factor.data.get("name", ""),
                "created_at": factor.created_at,
                "last_used_at": factor.last_used_at,
            }
            for factor in person.authenticator_set.all()
        ],
        "doctor_settings": [
            _fields(profile) for profile in DoctorProfile.objects.filter(user=person)
        ],
    }


def _record(record: MoleRecord) -> dict[str, Any]:
    kept = _fields(record, leave_out=INNER_WORKINGS) | _what_holds(record)
    return kept | {
        "picture": _place(record),
        "further_pictures": [
            _fields(each, leave_out={"image", "record_id"}) | {"picture": _place(each)}
            for each in record.further.all()
        ],
        "assessments": [
            {"id": assessment.pk, "created_at": assessment.created_at}
            | assessment.as_dict()
            | {"advice": _advice(assessment, record)}
            | {
                "features": assessment.features and unpack([assessment.features])[0].tolist(),
                "changes": [
                    {"since": change.before_id, "result": change.result}
                    for change in assessment.changes_until.all()
                ],
            }
            for assessment in record.assessments.all()
        ],
        "reviews": [_review(review) for review in record.reviews.all()],
    }


def _what_holds(record: MoleRecord) -> dict[str, Any]:
    """Whether what answer and verdicts say may be told, by the names that the API has for it."""
    return {
        "is_stale": record.is_stale,
        "is_left_uncounted": results.is_left_uncounted(record),
        "is_compared": record.is_compared,
        "is_comparable": record.is_comparable,
        "is_reviewed": verdicts.is_settled(record),
        "asked_before": record.asked_before,
    }


def _advice(assessment: Assessment, record: MoleRecord) -> str:
    """Changes were found with the answer of now, and say nothing of earlier ones."""
    is_current = assessment.pk == record.current_assessment_id
    return results.advice_that_holds(assessment, record) if is_current else assessment.advice


def _place(picture: Picture) -> str:
    """Of the picture's file in the archive."""
    return f"pictures/{picture.pk}.jpg"


def _fields(row: Model, *, leave_out: Collection[str] = ()) -> dict[str, Any]:
    """Its columns, so that a new one is in the archive unless somebody thinks otherwise."""
    names = [field.attname for field in row._meta.concrete_fields]
    return {name: getattr(row, name) for name in names if name not in leave_out}


def _review(review: Review) -> dict[str, Any]:
    """A verdict, for the person in the picture."""
    said = {"doctor": review.signature, "changed_at": review.changed_at}
    return said | _fields(review, leave_out=REVIEW_LEFT_OUT)


def _verdict(review: Review) -> dict[str, Any]:
    """A verdict with what a colleague was asked of it, for the doctor who wrote both; the record is
    another's."""
    asked = getattr(review, "second_opinion", None)
    return _fields(review, leave_out={"record_id", "doctor_id"}) | {
        "question": asked and asked.question,
        "asked_at": asked and asked.created_at,
    }


def _dump(data: dict[str, Any]) -> bytes:
    return json.dumps(data, cls=DjangoJSONEncoder, ensure_ascii=False).encode()
