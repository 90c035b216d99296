"""People, records and pictures for tests; people have names, so that tests read as sentences."""

import base64
import hashlib
import hmac
import io
import re
import struct
import time
import uuid
from datetime import date
from pathlib import Path
from typing import Any

import factory
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import Group
from django.core.mail import EmailMessage
from django.db.models.fields.files import FieldFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from factory.django import DjangoModelFactory, Password
from PIL import Image, ImageDraw
from rest_framework.test import APIClient

from accounts import tokens
from accounts.consent import CONSENT_VERSION
from accounts.models import User
from diagnosis.models import Assessment, FurtherPicture, Mole, MoleRecord, Review
from ml import taxonomy

PASSWORD = "a long enough passphrase"
TOTP_SECRET = "JBSWY3DPEHPK3PXP"
# What a browser sends when a security key is registered, made with fido2 for these tests.
SECURITY_KEY = {
    "id": "aWQ",
    "rawId": "aWQ",
    "response": {
        "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIiwiY2hhbGxlbmdlIjoiWXciLCJvcmlnaW4i"
        "OiJodHRwczovL3giLCJjcm9zc09yaWdpbiI6ZmFsc2V9",
        "attestationObject": "o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YViGAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAABBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAmlkpQECAyYgASFYICCJycfYvcfuQwRjLQiYQvpUDd_d"
        "StxpUT0HVDSL9t-4IlggW7WUM05cY-kKxocQvFaoN_PhIOETTr3-yK0yLTLM8z8",
    },
    "clientExtensionResults": {},
    "type": "public-key",
}
# What dana answers when she signs up.
SIGN_UP = {
    "email": "Dana@Example.org",
    "password1": PASSWORD,
    "password2": PASSWORD,
    "display_name": "Dana",
    "date_of_birth": "1990-05-17",
    "consent": "on",
}


def picture(size: tuple[int, int] = (300, 240), file_format: str = "JPEG", **options: Any) -> bytes:
    """A brown spot on skin, encoded."""
    image = Image.new("RGB", size, (224, 172, 150))
    width, height = size
    ImageDraw.Draw(image).ellipse(
        (width * 0.35, height * 0.3, width * 0.65, height * 0.7), fill=(92, 52, 40)
    )
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


def spoil(image: FieldFile) -> None:
    """Put a folder in the place of a stored file: it is there, and nobody can read it."""
    path = Path(image.path)
    path.unlink()
    path.mkdir()


class UserFactory(DjangoModelFactory):
    """A person who has signed up and confirmed the e-mail address; staff with a second factor."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    display_name = factory.Sequence(lambda n: f"person {n}")
    email = factory.LazyAttribute(lambda user: f"{user.display_name.replace(' ', '_')}@example.org")
    password = Password(PASSWORD)
    date_of_birth = date(1980, 3, 27)
    consent_version = CONSENT_VERSION
    consented_at = factory.LazyFunction(timezone.now)

    @factory.post_generation
    def role(self: User, create: bool, name: str | None, **_: Any) -> None:
        self.groups.add(Group.objects.get(name=name or "person"))
        self.emailaddress_set.create(email=self.email, primary=True, verified=True)

    @factory.post_generation
    def second_factor(self: User, create: bool, on: bool | None, **_: Any) -> None:
        if self.is_staff if on is None else on:
            TOTP.activate(self, TOTP_SECRET)


def program_of(person: User, **token: Any) -> APIClient:
    """A client with a token of the person's own."""
    return APIClient(HTTP_AUTHORIZATION=f"Token {tokens.create(person=person, **token)[1]}")


def current_code(secret: str, *, ahead: int = 0) -> str:
    """As an authenticator app makes it: RFC 6238, written apart from allauth's.

    Where its clock is half a minute ahead, the code is good for a whole minute at least.
    """
    counter = struct.pack(">Q", int(time.time()) // 30 + ahead)
    digest = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF) % 10**6:06d}"


def ask_for_token(api: APIClient, person: User, **changes: Any) -> Any:
    """The answer to a program that sends the person's address and password."""
    credentials = {"email": person.email, "password": PASSWORD} | changes
    return api.post("/api/v1/auth/token/", credentials, format="json")


def confirmed_session(person: User | None) -> str | None:
    """The key of a session that was just confirmed by password and second step."""
    if person is None:
        return None
    client = Client()
    client.force_login(person)
    session = client.session
    session["account_authentication_methods"] = [
        {"method": "mfa", "at": 4e9},
        {"method": "password", "at": 4e9, "reauthenticated": True},
    ]
    session.save()
    return session.session_key


def sign_up(client: Client, **changes: Any) -> Any:
    """The answer to it, on the page; None leaves an answer out."""
    answers = {name: value for name, value in (SIGN_UP | changes).items() if value is not None}
    return client.post(reverse("account_signup"), answers)


def link(mail: EmailMessage) -> str:
    """The path of the first address in an e-mail."""
    return re.search(r"https?://[^/]+(/\S+)", mail.body)[1]


class MoleFactory(DjangoModelFactory):
    class Meta:
        model = Mole

    owner = factory.SubFactory(UserFactory)
    name = "left shoulder"
    body_site = "shoulder"


class RecordFactory(DjangoModelFactory):
    """A queued record; other states by the traits, or by ``assessed``."""

    class Meta:
        model = MoleRecord

    class Params:
        failed = factory.Trait(
            state="failed",
            failure_reason="error",
            attempts=3,
            finished_at=factory.LazyFunction(timezone.now),
        )
        running = factory.Trait(
            state="running",
            attempts=1,
            claim_token=factory.LazyFunction(uuid.uuid4),
            claimed_until=factory.LazyFunction(timezone.now),  # has expired when it is stored
        )

    owner = factory.SubFactory(UserFactory)
    image = factory.django.FileField(data=picture(), filename="picture.jpg")


class FurtherPictureFactory(DjangoModelFactory):
    """Another picture of the mole of ``record``, with a digest of its own."""

    class Meta:
        model = FurtherPicture

    image = factory.django.FileField(data=picture((320, 240)), filename="further.jpg")
    picture_digest = factory.LazyFunction(lambda: uuid.uuid4().hex)


class ReviewFactory(DjangoModelFactory):
    class Meta:
        model = Review

    record = factory.SubFactory(RecordFactory)
    doctor = factory.SubFactory(UserFactory, role="doctor", is_staff=True)
    risk_category = taxonomy.BENIGN
    urgency = "none"


# Verdicts, by when the person should see a doctor.
BENIGN = {"risk_category": taxonomy.BENIGN, "urgency": "none"}
WEEKS = {"risk_category": taxonomy.LOW_RISK, "urgency": "doctor_weeks"}
DAYS = {"risk_category": taxonomy.HIGH_RISK, "urgency": "doctor_days"}


def answer(risk_category: str | None = taxonomy.BENIGN, **changes: Any) -> dict[str, Any]:
    """What the classifier says, as stored; None for a picture that can't be used."""
    weights = {"nv": 0.9, "mel": 0.1} if risk_category == taxonomy.BENIGN else {"mel": 0.9}
    diagnoses = {name: weights.get(name, 0.0) for name in taxonomy.DIAGNOSES}
    diagnoses["bkl"] = 1 - sum(weights.values())
    categories = taxonomy.categories(diagnoses)
    return {
        "model_version": "test",
        "modality": "photo",
        "usable": risk_category is not None,
        "reasons": [] if risk_category else ["blurred"],
        "warnings": [],
        "diagnoses": diagnoses,
        "categories": categories,
        "malignancy": 1 - categories[taxonomy.BENIGN],
        "risk_category": risk_category,
        "uncertain": False,
        "advice": {taxonomy.BENIGN: "watch", None: "retake"}.get(risk_category, "doctor_days"),
        "used": [],
        "picture": None,
        "pictures": [],
        "heatmap": {"rows": 2, "cols": 2, "values": [0.0, 0.2, 0.4, 1.0]},
        "outline": [[0.3, 0.3], [0.7, 0.3], [0.5, 0.7]],
        "milliseconds": 5.0,
        **changes,
    }


def assessed(risk_category: str | None = taxonomy.BENIGN, **fields: Any) -> MoleRecord:
    """A record with its stored assessment."""
    record = RecordFactory(**fields)
    says = answer(risk_category)
    says["advice"] = taxonomy.advice_with_signs(says["advice"], record.signs)
    record.current_assessment = Assessment.objects.create(record=record, **says)
    record.state = "done" if risk_category else "unusable"
    record.attempts, record.finished_at = 1, timezone.now()
    record.save()
    return record


def in_state(state: str, **fields: Any) -> MoleRecord:
    """A record in this state of MoleRecord.State; one that is done is called benign."""
    if state in MoleRecord.ASSESSED:
        return assessed(taxonomy.BENIGN if state == "done" else None, **fields)
    return RecordFactory(failed=state == "failed", running=state == "running", **fields)


def sitting(*risk_categories: str | None, together: str | None, **fields: Any) -> MoleRecord:
    """A record of several pictures with what each gives, and the answer to all of them."""
    record = assessed(together, **fields)
    for _category in risk_categories[1:]:
        FurtherPictureFactory(record=record)
    names = ("modality", "usable", "reasons", "warnings", "diagnoses", "malignancy")
    names += ("risk_category", "uncertain", "advice", "heatmap", "outline")
    assessment = record.current_assessment
    assessment.pictures = [
        {"id": str(one.pk)} | {name: answer(category)[name] for name in names}
        for one, category in zip(record.pictures, risk_categories, strict=True)
    ]
    assessment.save()
    return record
