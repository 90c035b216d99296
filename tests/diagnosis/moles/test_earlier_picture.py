"""A calmer answer to a newer picture takes back nothing that was said of an earlier one."""

from io import BytesIO

import pytest
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from diagnosis.models import MoleRecord
from diagnosis.moles.models import OVERDUE
from diagnosis.records import answers, uploads
from diagnosis.reviews import verdicts
from diagnosis.reviews.models import DoctorProfile
from diagnosis.sharing import links
from tests.diagnosis.moles.conftest import sent_before
from tests.factories import BENIGN, MoleFactory, assessed, in_state, picture, sitting

CALM = "No warning sign found · an earlier picture should be seen by a doctor"
SOON = (
    "The program said of an earlier picture of this mole: “Should be seen by a doctor soon”. "
    "A newer picture does not take that back: let a doctor look at the mole."
)
WEEKS = SOON.replace(" soon”", "”")


@pytest.fixture
def taken(alice, mole):
    """taken(days_ago, category, **fields): a picture of the mole."""

    def take(days_ago: int, category: str | None, **fields) -> MoleRecord:
        shown = picture((600 + days_ago, 600))
        record = assessed(category, owner=alice, **{"mole": mole, "image__data": shown} | fields)
        return sent_before(record, days_ago)

    return take


@pytest.fixture
def warned(taken) -> MoleRecord:
    return taken(30, "malignant_high_risk")


@pytest.fixture
def calm(taken, warned) -> MoleRecord:
    return taken(1, "benign", modality="dermoscopy")


@pytest.fixture
def read(client, alice):
    """read(record, door): what alice reads there, of a PDF its text."""
    client.force_login(alice)

    def get(record: MoleRecord, door: str = "record_detail") -> str:
        if door.startswith("shared"):
            link = links.create(owner=alice, days=7, record=record)
            answer = client.get(reverse(f"diagnosis:{door}"), {"key": links.key(link)})
        else:
            keys = {"record": [record.pk], "mole": [record.mole_id]}.get(door.partition("_")[0], [])
            answer = client.get(reverse(f"diagnosis:{door}", args=keys))
        assert answer.status_code == 200
        if answer["Content-Type"] != "application/pdf":
            return answer.content.decode()
        return " ".join(
            " ".join(each.extract_text().split())
            for each in PdfReader(BytesIO(answer.content)).pages
        )

    return get


@pytest.mark.parametrize("door", ["record_detail", "moles", "history", "mole_detail"])
def test_nothing_is_plainly_calm_after_a_warning(calm, read, door):
    page = read(calm, door)
    assert CALM in page
    assert 'data-tone="calm"' not in page
    assert "Look at it again in a month" not in page


def test_nor_is_one_of_several_pictures(alice, mole, warned, read):
    several = sitting("benign", "benign", together="benign", owner=alice, mole=mole)
    page = read(several)
    assert "Picture 2" in page
    assert CALM in page
    assert 'data-tone="calm"' not in page


@pytest.mark.parametrize(
    "door", ["record_detail", "record_report", "mole_report", "shared", "shared_report"]
)
def test_where_all_is_said_so_is_this(calm, read, door):
    page = read(calm, door)
    assert CALM in page
    assert SOON in page


def test_a_doctor_reads_it_whose_calm_word_would_end_it(calm, dr_chen, client):
    DoctorProfile.objects.create(user=dr_chen, blind_review=True)
    client.force_login(dr_chen)
    address = reverse("admin:diagnosis_molerecord_change", args=[calm.pk])
    assert SOON not in client.get(address).content.decode()
    assert SOON in client.get(address, {"model": "1"}).content.decode()


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        ("malignant_low_risk", "benign", WEEKS),
        ("malignant_high_risk", "malignant_low_risk", SOON),
        ("malignant_low_risk", "malignant_high_risk", ""),
        ("malignant_low_risk", "malignant_low_risk", ""),
        ("benign", "benign", ""),
    ],
)
def test_what_was_less_urgent_is_not_told(taken, read, first, then, said):
    advice = {"malignant_high_risk": "doctor_days", "malignant_low_risk": "doctor_weeks"}
    for days, category in ((30, first), (1, then)):
        record = taken(days, category, modality=("photo", "dermoscopy")[days == 1])
        record.assessments.update(advice=advice.get(category, "watch"))
    page = read(record)
    assert (SOON in page, WEEKS in page) == (said == SOON, said == WEEKS)
    assert (CALM in page) == (then == "benign" != first)
    is_urgent = "malignant_high_risk" in (first, then)
    assert ("Call your doctor or a skin doctor today" in page) == is_urgent
    is_for_a_doctor = first != "benign" and not is_urgent
    assert ("within the next few weeks" in page) == is_for_a_doctor


def test_a_picture_that_can_not_be_judged_takes_back_nothing_either(taken, warned, read):
    page = read(taken(1, None, modality="dermoscopy"))
    assert SOON in page
    assert "neither a good sign nor a bad one" not in page
    assert "If no picture works" not in page  # the warning waits for no other picture


@pytest.mark.parametrize("door", ["record_detail", "moles", "history", "mole_detail"])
def test_an_answer_that_is_not_calm_yet_does_not_hide_it(calm, read, door):
    MoleRecord.objects.filter(pk=calm.pk).update(stale_since=timezone.now() - OVERDUE)
    page = read(calm, door)
    assert f"what was changed since is not counted · {CALM.partition(' · ')[2]}" in page
    assert "Send a new picture of the mole, or show it" not in page


@pytest.mark.parametrize("state", ["queued", "running", "failed"])
@pytest.mark.parametrize(
    ("noticed", "said"),
    [
        ({"signs": ["bleeding"]}, WEEKS),
        ({"phone_advice": "doctor_weeks"}, WEEKS),
        ({"phone_advice": "doctor_days"}, SOON),
        ({"signs": ["itching"], "phone_advice": "watch"}, ""),
    ],
)
def test_one_that_still_waits_warns_by_what_is_known(
    alice, mole, taken, read, state, noticed, said
):
    sent_before(in_state(state, owner=alice, mole=mole, **noticed), 30)
    page = read(taken(1, "benign", modality="dermoscopy"))
    assert (SOON in page, WEEKS in page) == (said == SOON, said == WEEKS)
    assert ('data-tone="calm"' in page) == (not said)


@pytest.mark.parametrize("which", ["warned", "calm"])
def test_a_doctor_who_looked_does(warned, calm, dr_chen, read, which):
    verdicts.write(record={"warned": warned, "calm": calm}[which], doctor=dr_chen, **BENIGN)
    assert SOON not in read(calm)
    assert CALM not in read(calm, "history")


def test_but_not_who_had_looked_before(taken, dr_chen, read):
    verdicts.write(record=taken(60, "benign"), doctor=dr_chen, **BENIGN)
    taken(30, "malignant_high_risk")
    assert SOON in read(taken(1, "benign", modality="dermoscopy"))


def test_nor_who_looked_before_it_came_to_the_mole(alice, mole, taken, dr_chen, read):
    warned = taken(30, "malignant_high_risk", mole=MoleFactory(owner=alice))
    calm = taken(1, "benign")
    verdicts.write(record=calm, doctor=dr_chen, **BENIGN)
    answers.give(record=warned, by=alice, mole=mole)
    assert SOON in read(calm)
    assert SOON in read(taken(0, "benign", modality="dermoscopy"))
    verdicts.write(record=warned, doctor=dr_chen, **BENIGN)
    answers.give(record=warned, by=alice, mole=MoleFactory(owner=alice))
    answers.give(record=warned, by=alice, mole=mole)
    assert SOON not in read(calm)


def test_a_sign_is_not_taken_back_by_the_next_picture(taken, alice, read):
    first = taken(30, "benign")
    answers.give(record=first, by=alice, signs=["bleeding"])
    assert WEEKS in read(taken(1, "benign", modality="dermoscopy"))


def test_it_is_of_the_mole_and_goes_with_its_picture(alice, taken, warned, calm, read):
    other = MoleFactory(owner=alice)
    assert CALM not in read(taken(1, "benign", mole=other))
    assert CALM not in read(taken(1, "benign", mole=None))
    earlier = taken(40, "benign")
    assert SOON not in read(earlier)
    answers.give(record=warned, by=alice, mole=other)
    assert SOON not in read(calm)
    answers.give(record=warned, by=alice, mole=calm.mole)
    assert SOON in read(calm)
    uploads.delete(record=warned, by=alice)
    assert SOON not in read(calm)


def test_such_a_mole_comes_before_calm_ones(calm, alice, mole, taken, dr_chen):
    other = MoleFactory(owner=alice, body_site=mole.body_site)
    taken(0, "benign", mole=other)
    assert list(alice.moles.by_place()) == [mole, other]
    verdicts.write(record=calm, doctor=dr_chen, **BENIGN)
    assert list(alice.moles.by_place()) == [other, mole]
