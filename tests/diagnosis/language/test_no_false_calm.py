"""Nothing on a page is green beside words that are not calm."""

import pytest
from django.urls import reverse
from django.utils import timezone

from diagnosis.models import Assessment, MoleRecord
from diagnosis.sharing import links
from tests.diagnosis.moles.conftest import sent_before
from tests.factories import DAYS, WEEKS, MoleFactory, ReviewFactory, answer, assessed, sitting

CALM = 'data-tone="calm"'


@pytest.fixture
def read(client, alice):
    """read(record): its page, and what a link to it shows."""
    client.force_login(alice)

    def get(record: MoleRecord) -> str:
        link = links.create(owner=alice, days=7, record=record)
        own = client.get(reverse("diagnosis:record_detail", args=[record.pk]))
        shared = client.get(reverse("diagnosis:shared"), {"key": links.key(link)})
        return own.content.decode() + shared.content.decode()

    return get


@pytest.mark.parametrize("verdict", [WEEKS, DAYS])
@pytest.mark.parametrize("pictures", [1, 2])
def test_the_answer_below_a_verdict_that_asks_for_a_visit(read, alice, verdict, pictures):
    record = sitting(*["benign"] * pictures, together="benign", owner=alice)
    assert CALM in read(record)
    ReviewFactory(record=record, **verdict)
    page = read(record)
    assert "No warning sign found" in page
    assert CALM not in page
    assert "Look at it again in a month" not in page


@pytest.mark.parametrize(
    "known",
    [
        {"signs": ["bleeding"]},
        {"changes": ["grew"]},
        {"phone_advice": "doctor_weeks"},
    ],
)
def test_one_of_several_pictures_where_something_else_needs_a_doctor(read, alice, known):
    record = sitting("benign", "benign", together="benign", owner=alice, **known)
    Assessment.objects.filter(record=record).update(
        advice="doctor_weeks" if "signs" in known else "watch"
    )
    page = read(record)
    assert "Should be seen by a doctor" in page
    assert "By itself, each of them gives" in page
    assert CALM not in page


def test_one_of_several_pictures_after_a_visit_that_was_asked_for(read, alice):
    mole = MoleFactory(owner=alice)
    before = sent_before(assessed(owner=alice, mole=mole), 30)
    ReviewFactory(record=before, news_since=timezone.now(), **DAYS)
    page = read(sitting("benign", "benign", together="benign", owner=alice, mole=mole))
    assert "Should be seen by a doctor soon" in page
    assert CALM not in page


@pytest.mark.parametrize("category", ["malignant_high_risk", None, "benign"])
def test_what_an_earlier_version_said(read, alice, category):
    record = assessed(category, owner=alice)
    Assessment.objects.create(record=record, **answer(model_version="older"))
    page = read(record)
    earlier = page.partition("What earlier versions said")[2].partition("</details>")[0]
    assert "No warning sign found" in earlier
    assert CALM not in earlier
    assert "Look at it again in a month" not in earlier


@pytest.mark.parametrize("door", ["record_detail", "history", "moles", "mole_detail"])
def test_an_earlier_picture_that_is_more_urgent(client, alice, door):
    client.force_login(alice)
    mole = MoleFactory(owner=alice)
    sent_before(assessed("malignant_high_risk", owner=alice, mole=mole), 30)
    record = assessed("malignant_low_risk", owner=alice, mole=mole, modality="dermoscopy")
    record.assessments.update(advice="doctor_weeks")
    keys = {"record": [record.pk], "mole": [mole.pk]}.get(door.partition("_")[0], [])
    page = client.get(reverse(f"diagnosis:{door}", args=keys)).content.decode()
    assert "Should be seen by a doctor · an earlier picture should be seen by a doctor soon" in page
