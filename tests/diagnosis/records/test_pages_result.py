"""The result page: its first sentence answers the question, and says no more than is known."""

import html
import re
from functools import partial

import pytest
from django.urls import reverse
from django.utils import timezone

from diagnosis.language import frequencies
from diagnosis.models import Assessment, MoleRecord, Share
from diagnosis.sharing import links
from ml.taxonomy import HIGH_RISK, LOW_RISK
from tests.factories import MoleFactory, RecordFactory, ReviewFactory, answer, assessed, in_state


@pytest.fixture
def read(client, alice):
    """read(record): the page's heading and its text, as alice sees them."""
    client.force_login(alice)

    def heading_and_text(record) -> tuple[str, str]:
        page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
        main = page[page.index("<main") : page.index("</main>")]
        main = re.sub(r"<(script|svg).*?</\1>", "", main, flags=re.S)
        [heading] = re.findall(r"<h1>(.*?)</h1>", main, flags=re.S)
        return _text(heading), _text(main)

    return heading_and_text


def _text(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def says(record, **changes):
    Assessment.objects.filter(record=record).update(**changes)
    return record


@pytest.mark.parametrize(
    ("category", "advice", "heading"),
    [
        ("benign", "watch", "No warning sign found"),
        (LOW_RISK, "doctor_weeks", "Should be seen by a doctor"),
        (HIGH_RISK, "doctor_days", "Should be seen by a doctor soon"),
    ],
)
def test_the_first_sentence_answers_the_question(read, alice, category, advice, heading):
    record = says(assessed(category, owner=alice), advice=advice)
    first, text = read(record)
    assert first == heading
    assert "See a doctor, whatever the program says" in text
    assert not re.search("diagnos|you are safe", text, re.I)


def test_signs_are_never_followed_by_less_than_a_doctor(read, alice):
    first, text = read(assessed("benign", owner=alice, signs=["bleeding", "itching"]))
    assert first == "Should be seen by a doctor"
    assert "You told us: it bleeds." in text


def test_an_uncertain_answer_says_so(read, alice):
    record = says(assessed("benign", owner=alice), advice="doctor_weeks", uncertain=True)
    first, text = read(record)
    assert first == "Should be seen by a doctor"
    assert "The program is not sure about this picture." in text


def test_a_picture_that_can_not_be_judged_says_what_to_do(read, alice):
    record = says(assessed(None, owner=alice), reasons=["blurred", "too_dark"])
    first, text = read(record)
    assert first == "This picture can’t be judged"
    assert "out of focus" in text
    assert "too dark" in text
    assert "Take another picture" in text
    assert "No warning sign" not in text


def test_a_picture_that_can_not_be_judged_does_not_hide_a_sign(read, alice):
    first, text = read(assessed(None, owner=alice, signs=["not_healing"]))
    assert first == "Should be seen by a doctor · This picture can’t be judged"
    assert "You told us: it does not heal." in text
    assert "Make an appointment" in text


def warned_before(owner):
    record = assessed(None, owner=owner)
    flagged = answer(HIGH_RISK) | {"model_version": "before"}
    Assessment.objects.create(record=record, **flagged)
    record.save()  # as a worker does, with its new answer
    return record


@pytest.mark.parametrize(
    ("warned", "tone", "how_soon"),
    [
        (warned_before, "soon", "today or tomorrow"),
        (partial(assessed, None, phone_advice="doctor_days"), "soon", "today or tomorrow"),
        (partial(assessed, None, signs=["bleeding"]), "doctor", "Make an appointment"),
    ],
    ids=["another_version", "camera", "sign"],
)
def test_nothing_calms_who_is_warned_all_the_same(read, client, alice, warned, tone, how_soon):
    calming = "neither a good sign nor a bad one"
    record = warned(owner=alice)
    _first, text = read(record)
    assert calming not in text
    assert "If no picture works" not in text  # the warning waits for no other picture
    assert text.index(how_soon) < text.index("out of focus")
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert f'class="outcome" data-tone="{tone}"' in page
    _first, text = read(assessed(None, owner=alice))
    assert calming in text


@pytest.mark.parametrize("state", [{}, {"failed": True}])
def test_a_sign_needs_a_doctor_also_where_there_is_no_answer(read, alice, state):
    _first, text = read(RecordFactory(owner=alice, signs=["bleeding"], **state))
    assert "You told us: it bleeds. Then a doctor should look at it" in text
    assert "Make an appointment" in text
    _first, text = read(RecordFactory(owner=alice, signs=["itching"], **state))
    assert "You told us" not in text
    assert "Make an appointment" not in text


@pytest.mark.parametrize("state", ["queued", "failed", "unusable"])
def test_lists_say_so_too(client, alice, state):
    client.force_login(alice)
    mole = MoleFactory(owner=alice)
    fields = {"owner": alice, "mole": mole, "signs": ["not_healing"]}
    in_state(state, **fields)
    link = reverse("diagnosis:shared") + f"?key={links.key(_shared(mole))}"
    pages = [reverse("diagnosis:history"), reverse("diagnosis:mole_detail", args=[mole.pk])]
    for page in pages if state == "unusable" else (*pages, link):
        assert "Should be seen by a doctor" in client.get(page).content.decode()


def _shared(mole) -> Share:
    return links.create(owner=mole.owner, days=7, mole=mole)


def test_the_verdict_of_dr_chen_stands_above_the_program(read, alice, dr_chen):
    record = assessed(HIGH_RISK, owner=alice)
    ReviewFactory(record=record, doctor=dr_chen, comment="An age spot.", private_comment="cf. 2024")
    first, text = read(record)
    assert first == "No visit needed"
    assert "dr_chen, doctor" in text
    assert text.index("An age spot.") < text.index("Should be seen by a doctor soon")
    assert "cf. 2024" not in text


def test_a_warning_stands_first_where_the_check_did_not_finish(client, alice):
    warned = [{"signs": ["bleeding"]}, {"phone_advice": "doctor_weeks"}, {}]
    records = [RecordFactory(owner=alice, failed=True, **each) for each in warned]
    client.force_login(alice)
    for record, tone in zip(records, ("doctor", "doctor", "neutral"), strict=True):
        page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
        assert f'class="outcome" data-tone="{tone}"' in page
        assert page.count("Make an appointment") == (tone == "doctor")
        if tone == "doctor":
            assert page.index("Make an appointment") < page.index("This says nothing about")


def test_a_failed_check_offers_another_try(read, client, alice):
    record = RecordFactory(failed=True, owner=alice)
    first, text = read(record)
    assert first == "The check did not finish"
    assert "Something went wrong" in text
    retry = reverse("diagnosis:record_retry", args=[record.pk])
    for _ in range(2):  # a double click
        client.post(retry)
    record.refresh_from_db()
    assert record.state == "queued"


BANDS = [
    {"low": 0.0, "pictures": 500, "lesions": 500, "share": 0.002, "share_ci95": [0.0, 0.011]},
    {"low": 0.1, "pictures": 400, "lesions": 300, "share": 0.912, "share_ci95": [0.83, 0.95]},
    {"low": 0.98, "pictures": 100, "lesions": 80, "share": 0.995, "share_ci95": [0.97, 0.999]},
]


@pytest.fixture
def banded(monkeypatch):
    """The released model of the factories' assessments, with two bands for photographs."""
    card = {"version": "test", "bands": {"photo": BANDS, "dermoscopy": []}}
    monkeypatch.setattr(frequencies, "release", lambda: card)


@pytest.mark.usefixtures("banded")
@pytest.mark.parametrize(
    ("malignancy", "number", "chance"),
    [(0.05, "fewer than 1", "between 0 and 1"), (0.1, "91", "between 83 and 95"),
     (0.9, "91", "between 83 and 95"), (0.99, "more than 99", "between 97 and 100")],
)  # fmt: skip
def test_the_number_is_of_the_band_and_names_its_group(read, alice, malignancy, number, chance):
    record = says(assessed("benign", owner=alice), malignancy=malignancy)
    _, text = read(record)
    said = "Of 100 test pictures with a score like this one, there was a skin cancer in"
    assert f"{said} {number}." in text
    assert "1,000 clinic pictures" in text
    assert chance in text


@pytest.mark.usefixtures("banded")
def test_the_dots_show_the_number_not_by_colour_alone(client, alice):
    client.force_login(alice)
    record = says(assessed(HIGH_RISK, owner=alice), malignancy=0.95)
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    dots = page[page.index('class="frequency"') :]
    assert dots.count("<circle") == 100
    assert dots.count('r="0.42" class="is-cancer"') == 91


@pytest.mark.usefixtures("banded")
def test_a_kind_of_picture_without_bands_has_no_number(read, alice):
    _, text = read(says(assessed("benign", owner=alice), modality="dermoscopy"))
    assert "Of 100 test pictures" not in text


def test_what_was_used_beside_the_picture_is_said(read, alice):
    alone = {"malignancy": 0.4, "risk_category": LOW_RISK, "uncertain": False,
             "advice": "doctor_weeks"}  # fmt: skip
    record = says(assessed("benign", owner=alice), used=["age", "body_site"], picture=alone)
    _, text = read(record)
    assert "Beside the picture, the program used: age, body site." in text
    assert "By the picture alone, the group would be: malignant, low risk." in text
    same = says(record, picture=alone | {"risk_category": "benign"})
    assert "By the picture alone" not in read(same)[1]


def test_on_dark_skin_no_calm_heading_stands_without_hardly_tested(read, client, alice):
    record = says(assessed("benign", owner=alice), warnings=["dark_skin"])
    first, text = read(record)
    assert first == "No warning sign found, but hardly tested on dark skin"
    assert "Nearly all of the tested skin was light." in text
    history = client.get(reverse("diagnosis:history")).content.decode()
    assert "No warning sign found, but hardly tested on dark skin" in history


def test_without_figures_there_is_no_number(read, alice, monkeypatch):
    monkeypatch.setattr(frequencies, "release", lambda: {"version": "test"})
    _, text = read(assessed("benign", owner=alice))
    assert "in 100" not in text


def test_the_size_is_shown_as_it_was_typed(read, alice):
    _, text = read(assessed("benign", owner=alice, size_mm="4.5"))
    assert "Size 4.5 mm" in text


def test_what_the_page_costs_does_not_grow(client, alice, dr_chen, django_assert_max_num_queries):
    record = assessed("benign", owner=alice, mole=MoleFactory(owner=alice), signs=["itching"])
    for number in range(5):
        record.assessments.create(**answer(model_version=f"version {number}"))
        ReviewFactory(record=record, doctor=dr_chen)
    client.force_login(alice)
    client.get("/")  # what a process asks once
    with django_assert_max_num_queries(9):
        client.get(reverse("diagnosis:record_detail", args=[record.pk]))


def test_a_crossed_camera_stands_for_a_picture_to_be_taken_again_alone(client, alice):
    """What is not final yet, since it is judged anew or compared, has a sign of its own."""
    client.force_login(alice)
    so_far, retake = assessed("benign", owner=alice), assessed(None, owner=alice)
    MoleRecord.objects.filter(pk=so_far.pk).update(stale_since=timezone.now())
    mole = MoleFactory(owner=alice)
    for _date in range(2):
        assessed("benign", owner=alice, mole=mole)
    pages = [reverse("diagnosis:record_detail", args=[record.pk]) for record in (so_far, retake)]
    pages.append(reverse("diagnosis:mole_detail", args=[mole.pk]))
    signs = [re.findall('data-icon="(.*?)"', client.get(page).content.decode()) for page in pages]
    assert signs == [["open"], ["retake"], ["open"]]
