"""The report: an A4 PDF that says what is known, in letters that can be read out."""

import io
import itertools
import math
import re
from datetime import timedelta

import psutil
import pytest
from django.contrib.staticfiles import finders
from django.core.files.base import ContentFile
from django.urls import reverse
from django.utils import timezone
from PIL import ImageFont
from pypdf import PdfReader

from diagnosis.models import MoleRecord
from diagnosis.sharing import report as reports
from skincare_site import messages
from tests.factories import MoleFactory, RecordFactory, ReviewFactory, assessed, picture, sitting


@pytest.fixture
def mole(client, alice):
    client.force_login(alice)
    return MoleFactory(owner=alice, name="Schulterblatt – Łukasz, Ελλάδα, Київ")


def report(client, thing, name: str = "mole_report") -> PdfReader:
    response = client.get(reverse(f"diagnosis:{name}", args=[thing.pk]))
    assert response["Content-Type"] == "application/pdf"
    assert "no-store" in response["Cache-Control"]
    return PdfReader(io.BytesIO(response.content))


def words(pdf: PdfReader) -> str:
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pdf.pages))


def test_it_is_a4_and_says_who_what_and_how_far_to_trust_it(client, alice, mole, dr_chen):
    record = assessed(
        "malignant_high_risk",
        owner=alice,
        mole=mole,
        signs=["bleeding"],
        size_mm="4.5",
        note="зудить",
    )
    ReviewFactory(record=record, doctor=dr_chen, urgency="doctor_weeks", comment="Come in May.")
    assessed(None, owner=alice, mole=mole)
    RecordFactory(owner=alice, mole=mole)
    pdf = report(client, mole)
    assert [round(float(side)) for side in pdf.pages[0].mediabox[2:]] == [595, 842]
    said = words(pdf)
    for expected in (
        mole.name,
        "alice",
        "27 Mar 1980",
        "3 pictures",
        "Should be seen by a doctor soon",
        "Malignant, high risk: 90.0%",
        "dr_chen, doctor",
        "See a doctor within a few weeks",
        "Come in May.",
        "It bleeds",
        "4.5 mm",
        "зудить",
        "This picture can’t be judged",
        "Waiting to be checked",
        "not a diagnosis",
        "not an approved medical device",
        f" {timezone.localtime(record.created_at).tzname()} ",  # of the times
    ):
        assert expected in said, expected


def test_it_rounds_as_the_doctors_page_does(client, alice, mole, dr_chen):
    record = assessed(owner=alice, mole=mole)
    categories = {"benign": 0.8761, "malignant_low_risk": 0.0, "malignant_high_risk": 0.1239}
    record.assessments.update(categories=categories, malignancy=0.1239)
    assert "Malignant, high risk: 12.4%" in words(report(client, mole))
    client.force_login(dr_chen)
    page = client.get(reverse("admin:diagnosis_molerecord_change", args=[record.pk]))
    assert page.context["malignancy"] == "12.4%"


def as_it_looks(pdf: PdfReader) -> str:
    """The words of the pages from the left, also of scripts that are read from the right."""
    pages = (page.extract_text(extraction_mode="layout") for page in pdf.pages)
    return re.sub(r"\s+", " ", " ".join(pages))


LACKING = "stands for a letter or sign that this file can’t show"


def test_letters_that_can_t_be_printed_are_said_to_be_lacking(client, alice, mole, dr_chen):
    alice.display_name = "山田 花子"
    alice.save()
    record = assessed(owner=alice, mole=mole, note="Since \u0967 May 🌞👍🏽, it\titches\x07.")
    ReviewFactory(record=record, doctor=dr_chen, comment="See me soon ❤️ 😀")
    said = words(report(client, mole))
    assert "Person �� ��" in said
    assert "Since � May ��, it itches." in said  # one for the thumb and its tone
    assert "See me soon ❤ 😀" in said.replace("\ufe0f", "")
    assert f"� {LACKING}" in said


def test_nothing_is_said_to_be_lacking_where_nothing_is(client, alice, mole):
    assert LACKING not in words(report(client, mole))


@pytest.mark.parametrize(
    ("note", "drawn"),
    [
        ("שלום", "םולש"),
        ("שלום\n(12), ok", "םולש (12), ok"),  # each line by its own letters
        ("since שלום, ok", "since םולש, ok"),
        ("محمد", "دمحم"),
        ("\u064f", ""),  # an accent alone: nothing to be read
    ],
)
def test_scripts_from_the_right_are_drawn_as_they_are_read(client, alice, mole, note, drawn):
    assessed(owner=alice, mole=mole, note=note)
    said = as_it_looks(report(client, mole))
    assert f"Note {drawn}" in said
    assert LACKING not in said


def test_each_line_of_a_long_note_from_the_right_is_turned_by_itself(client, alice, mole):
    assessed(owner=alice, mole=mole, note="ראשון " + "שלום " * 40 + "אחרון")
    said = as_it_looks(report(client, mole))
    assert said.index("ןושאר") < said.index("ןורחא")


def test_nobody_s_date_of_birth_stands_on_what_a_clinic_imported(client, alice, mole):
    assessed(owner=alice, mole=mole)
    assessed(owner=alice, mole=mole, origin="import")
    assert "27 Mar 1980" not in words(report(client, mole))


def test_the_verdict_stands_above_the_programs_answer(client, alice, mole):
    ReviewFactory(record=assessed("malignant_high_risk", owner=alice, mole=mole))
    said = words(report(client, mole))
    assert said.index("No visit needed") < said.index("Should be seen by a doctor soon")


def test_sizes_are_drawn(client, alice, mole):
    for days, size in ((30, "4.0"), (0, "5.0")):
        record = RecordFactory(owner=alice, mole=mole, size_mm=size)
        moment = record.created_at - timedelta(days=days)
        MoleRecord.objects.filter(pk=record.pk).update(created_at=moment)
    assert "Size in millimetres, as measured by the person" in words(report(client, mole))


def test_one_record(client, alice, mole):
    record, other = (assessed("benign", owner=alice, mole=mole, note=n) for n in ("this", "that"))
    said = words(report(client, record, "record_report"))
    assert "this" in said
    assert "that" not in said.replace("that the mole changed", "")
    assert other.mole == record.mole


def test_many_pictures_are_cut_off_aloud(alice, monkeypatch):
    monkeypatch.setattr(reports, "AT_MOST", 2)
    for note in ("oldest", "older", "newest"):
        RecordFactory(owner=alice, note=note)
    pdf = reports.write(person=alice, records=alice.records.prefetch_related("reviews"))
    said = words(PdfReader(io.BytesIO(pdf)))
    assert "3 pictures (the newest 2 are shown)" in said
    assert "newest" in said
    assert "oldest" not in said


def test_pictures_are_made_small_and_keep_their_shape(client, alice, mole):
    RecordFactory(owner=alice, mole=mole, image__data=picture((2048, 512)))
    [image] = report(client, mole).pages[0].images
    assert image.image.size == (1000, 250)


def test_a_picture_that_is_gone_leaves_the_report(client, alice, mole):
    gone, there = (assessed(owner=alice, mole=mole, note=note) for note in ("gone", "there"))
    gone.image.storage.delete(gone.image.name)
    pdf = report(client, mole)
    assert "The file of this picture is missing. " in words(pdf)
    assert [len(page.images) for page in pdf.pages] == [1]
    assert there.note in words(pdf)


def test_a_long_comment_goes_on_on_the_next_page(client, alice, mole):
    record = assessed("benign", owner=alice, mole=mole)
    ReviewFactory(record=record, comment="A long comment. " * 120 + "Its end.")
    pdf = report(client, mole)
    assert len(pdf.pages) > 1
    assert "Its end." in words(pdf)


def replace(of, content: bytes | None) -> None:
    """The file of a picture, by another one or by none."""
    of.image.storage.delete(of.image.name)
    if content is not None:
        of.image.storage.save(of.image.name, ContentFile(content))


def replace_all(record) -> None:
    """By square ones of different sizes: the very same picture is in a PDF once."""
    for number, one in enumerate(record.pictures):
        replace(one, picture((400 + number, 400 + number)))


@pytest.mark.parametrize("content", [None, picture()[:200]])
@pytest.mark.parametrize("which", [0, 1])
def test_one_of_several_pictures_that_can_t_be_read_leaves_the_others(
    client, alice, mole, content, which
):
    record = sitting("benign", "benign", "benign", together="benign", owner=alice, mole=mole)
    replace_all(record)
    replace(record.pictures[which], content)
    assert [len(page.images) for page in report(client, mole).pages] == [2]


def boxes(page) -> list[tuple[float, ...]]:
    """Left, lower, right and upper end of each picture on the page, in points."""
    found = []

    def note(operator, operands, matrix, _text_matrix) -> None:
        if operator == b"Do":
            width, _, _, height, x, y = matrix
            found.append((x, min(y, y + height), x + width, max(y, y + height)))

    page.extract_text(visitor_operand_before=note)
    return found


def lowest(page) -> float:
    """How far above the page's lower end its lowest picture ends, in points."""
    return min((lower for _, lower, _, _ in boxes(page)), default=math.inf)


@pytest.mark.parametrize("shape", [(1000, 400), (400, 1000)])
def test_no_picture_lies_on_another_whatever_its_shape(client, alice, mole, shape):
    three = sitting(*["benign"] * 3, together="benign", owner=alice, mole=mole)
    for number, one in enumerate(three.pictures):
        replace(one, picture((shape[0] + number, shape[1])))
    for _ in range(2):
        replace(RecordFactory(owner=alice, mole=mole), picture((shape[0] + 9, shape[1])))
    pages = report(client, mole).pages
    for page in pages:
        for one, other in itertools.combinations(boxes(page), 2):
            assert one[2] <= other[0] or other[2] <= one[0] or one[1] >= other[3]
    assert sum(len(page.images) for page in pages) >= 4  # the very same one is there once a page


@pytest.mark.parametrize("lines", [1, 5, 9])
def test_no_picture_stands_in_the_footer(client, alice, mole, lines):
    five = sitting(*["benign"] * 5, together="benign", owner=alice, mole=mole)
    replace_all(five)
    for _ in range(2):
        replace(RecordFactory(owner=alice, mole=mole, note="one line\n" * lines), None)
    pages = report(client, mole).pages
    assert sum(len(page.images) for page in pages) == 5
    assert all(lowest(page) > 22 / 25.4 * 72 for page in pages)


def runs(page) -> list[tuple[float, float, str, float]]:
    """Where each run of letters begins on the page, in points; the letters, and their size."""
    found = []

    def note(text, _matrix, place, _font, size) -> None:
        if text.strip():
            found.append((place[4], place[5], text.strip(), size))

    page.extract_text(visitor_text=note)
    return found


@pytest.mark.parametrize("language", [path.parts[-3] for path in messages.catalogues()])
def test_no_name_of_a_fact_is_written_over(client, alice, mole, language):
    assessed(owner=alice, mole=mole, signs=["bleeding"], size_mm="4.5", note="Darker.")
    alice.language = language
    alice.save()
    font = finders.find("vendor/dejavu/DejaVuSans.ttf")
    sure = 0
    for page in report(client, mole).pages:
        for one, other in itertools.pairwise(runs(page)):
            if one[1] == other[1] and one[0] < other[0]:
                ends = one[0] + ImageFont.truetype(font, one[3] * 100).getlength(one[2]) / 100
                assert ends < other[0], (one[2], other[2])
                sure += 1
    assert sure >= 9  # five facts of the mole, four of the picture


def test_one_that_fails_leaves_no_font_open(alice, mole, monkeypatch):
    """Where the store is away: a file that is found open later fails another test."""
    record = assessed(owner=alice, mole=mole)
    monkeypatch.setattr(reports.plots, "size_plot", lambda _records: 1 / 0)
    before = fonts()  # those of plots that earlier tests drew
    with pytest.raises(ZeroDivisionError):
        reports.write(person=alice, records=[record], mole=mole)
    assert fonts() <= before


def fonts() -> set[tuple[str, int]]:
    """The files of fonts that are open."""
    files = psutil.Process().open_files()
    return {(file.path, file.fd) for file in files if file.path.endswith(".ttf")}


def test_its_colons_are_the_language_s(client, alice, mole):
    assessed(owner=alice, mole=mole)
    alice.language = "fr"
    alice.save()
    assert re.search(r"Bénin\s: \d", words(report(client, mole)))


def test_the_footer_stays_in_the_middle_below_a_long_note(client, alice, mole):
    assessed(owner=alice, mole=mole, note="It got darker. " * 250)
    pages = report(client, mole).pages
    begins = {round(min(x for x, y, _, _ in runs(page) if y < 62)) for page in pages}
    assert len(pages) > 2
    assert max(begins) - min(begins) < 5  # a number of two digits is wider
