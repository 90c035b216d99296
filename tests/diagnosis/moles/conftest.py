"""What the tests of comparisons share. Models are imported late: Django is not set up yet."""

import io
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from ml import taxonomy
from ml.change import limits
from ml.synthetic import phantoms

if TYPE_CHECKING:
    from diagnosis.models import MoleRecord

SIDE = 320
LIMIT = {"area": 0.3, "diameter": 0.2, "asymmetry": 0.1, "border": 0.2, "colours": 6.0}


def circle(radius: float) -> list[list[float]]:
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    return np.column_stack([0.5 + radius * np.cos(angles), 0.5 + radius * np.sin(angles)]).tolist()


def sent_before(record: "MoleRecord", days: int) -> "MoleRecord":
    """The record, as if it had been sent that many days ago."""
    type(record).objects.filter(pk=record.pk).update(
        created_at=timezone.now() - timedelta(days=days)
    )
    record.refresh_from_db()
    return record


@pytest.fixture(scope="module")
def pictures() -> dict[str, bytes]:
    """A drawn mole, the same one turned, and another."""
    mole = phantoms.render("irregular_mole", SIDE)
    made = {
        "mole": mole,
        "turned": mole.rotate(30, Image.Resampling.BICUBIC, fillcolor=(214, 166, 143)),
        "other": phantoms.render("even_mole", SIDE),
    }
    encoded = {}
    for name, picture in made.items():
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=92)
        encoded[name] = stream.getvalue()
    return encoded


@pytest.fixture
def known_error(monkeypatch) -> dict[str, float]:
    """What the method makes of an unchanged mole."""
    part = {"lesions": 500, "limit": LIMIT}
    monkeypatch.setattr(
        limits, "errors", lambda: {"modalities": {"photo": part, "dermoscopy": part}}
    )
    return LIMIT


@pytest.fixture
def sent(monkeypatch) -> list:
    """The comparisons that the workers were told of."""
    from diagnosis import queue

    told = []
    monkeypatch.setattr(queue, "measure_change", told.append)
    return told


@pytest.fixture
def mole(alice):
    from tests.factories import MoleFactory

    return MoleFactory(owner=alice)


@pytest.fixture
def picture_of(pictures, mole):
    from tests.factories import assessed

    def make(name: str, radius: float, days_ago: int, **fields) -> "MoleRecord":
        record = assessed(
            fields.pop("category", taxonomy.BENIGN),
            owner=mole.owner,
            mole=mole,
            image__data=pictures[name],
            **fields,
        )
        answer = record.current_assessment
        answer.outline = circle(radius)
        answer.modality = record.modality
        answer.save()
        return sent_before(record, days_ago)

    return make


@pytest.fixture
def work(mole, django_capture_on_commit_callbacks, sent):
    """Have all that waits measured, as a worker would."""
    from diagnosis.moles import changes

    def do() -> None:
        with django_capture_on_commit_callbacks(execute=True):
            changes.follow_later(mole.pk)
        for key in list(sent):
            with django_capture_on_commit_callbacks(execute=True):
                changes.run(key)

    return do


@pytest.fixture
def see(client, alice, mole):
    client.force_login(alice)

    def get(**asked) -> str:
        return client.get(reverse("diagnosis:mole_detail", args=[mole.pk]), asked).content.decode()

    return get
