"""The doctor's room in a real browser: the whole queue by keyboard, zoom, blind review."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Page, expect

from diagnosis.models import Change, DoctorProfile, MoleRecord, Review
from tests.browser import pages
from tests.browser.conftest import DESKTOP, PHONE
from tests.factories import MoleFactory, ReviewFactory

LIST = reverse("admin:diagnosis_molerecord_changelist")
HIGH, LOW, BENIGN = "malignant_high_risk", "malignant_low_risk", "benign"


@pytest.fixture
def doctor(page: Page, dr_chen, log_in) -> Page:
    page.set_viewport_size(DESKTOP)
    log_in(page.context, dr_chen)
    return page


@pytest.fixture
def record(alice, dr_chen):
    """Of a mole with two earlier pictures, one of them with a verdict."""
    mole = MoleFactory(owner=alice)
    earlier, _later = (pages.record_of(alice, mole=mole) for _ in range(2))
    ReviewFactory(record=earlier, doctor=dr_chen, diagnosis="nv")
    return pages.record_of(alice, "irregular_mole", HIGH, mole=mole, signs=["bleeding"])


def open_record(page: Page, record) -> None:
    page.goto(reverse("admin:diagnosis_molerecord_change", args=[record.pk]))


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_a_doctor_clears_a_queue_of_50_with_the_keyboard_alone(doctor: Page, alice) -> None:
    for number in range(50):
        pages.record_of(alice, category=(HIGH, LOW, BENIGN)[number % 3])
    doctor.goto(LIST)
    press(doctor, "Enter")  # the button to begin has the focus
    for number in range(50):
        doctor.wait_for_url(re.compile(r"/change/$"))
        expect(doctor.get_by_text(f"{50 - number} record")).to_be_visible()
        expect(doctor.get_by_text("You have claimed it")).to_be_visible()
        if number == 0:  # a diagnosis chooses its risk category; text is not a command
            press(doctor, "m", "6", "9", "t")
            doctor.keyboard.type("Please call us soon.")
            press(doctor, "Escape")
        elif number == 1:  # the keys 1 to 9 are the rows of the form
            press(doctor, "x")
            doctor.keyboard.type("Bowen disease")
            press(doctor, "Escape", "2", "5", "8")
        else:
            press(doctor, "n", "4", "9")
        with doctor.expect_navigation():
            press(doctor, "s")
    expect(doctor.get_by_text("Nothing more to review.")).to_be_visible()
    assert not MoleRecord.objects.awaiting_review().exists()
    first, second, *others = Review.objects.order_by("created_at")
    assert (first.diagnosis, first.risk_category) == ("mel", HIGH)
    assert (first.urgency, first.confidence) == ("doctor_days", "high")
    assert first.comment == "Please call us soon."
    assert (second.diagnosis, second.other_diagnosis) == ("", "Bowen disease")
    assert (second.risk_category, second.urgency, second.confidence) == (
        LOW,
        "doctor_weeks",
        "medium",
    )
    assert {(r.diagnosis, r.risk_category, r.urgency) for r in others} == {("nv", BENIGN, "none")}
    assert len({r.record_id for r in (first, second, *others)}) == 50


def test_another_category_takes_the_diagnosis_back(doctor: Page, record) -> None:
    open_record(doctor, record)
    press(doctor, "m")
    expect(doctor.get_by_label("malignant, high risk")).to_be_checked()
    press(doctor, "1")
    expect(doctor.get_by_label("melanoma")).not_to_be_checked()
    expect(doctor.get_by_label("not named")).to_be_checked()


def test_zoom_grows_the_picture_with_its_outline(doctor: Page, record) -> None:
    open_record(doctor, record)
    picture = doctor.locator("#picture img")
    expect(picture).to_have_attribute("style", re.compile("width"))
    before = picture.bounding_box()["width"]
    press(doctor, "o", "h", "+", "+")
    assert picture.bounding_box()["width"] == pytest.approx(2 * before, rel=0.02)
    assert doctor.locator("#picture canvas").bounding_box() == picture.bounding_box()
    pane = doctor.locator("#picture .pane")
    at = pane.evaluate("pane => [pane.scrollLeft, pane.scrollTop]")
    box = pane.bounding_box()
    doctor.mouse.move(box["x"] + 200, box["y"] + 200)
    doctor.mouse.down()
    doctor.mouse.move(box["x"] + 150, box["y"] + 160, steps=5)
    doctor.mouse.up()
    moved = pane.evaluate("pane => [pane.scrollLeft, pane.scrollTop]")
    assert [to - start for start, to in zip(at, moved, strict=True)] == [50, 40]
    press(doctor, "0")
    assert picture.bounding_box()["width"] == pytest.approx(before, rel=0.02)


def test_earlier_pictures_come_beside_it_one_after_the_other(doctor: Page, record) -> None:
    open_record(doctor, record)
    beside = doctor.locator("#beside img")
    seen = []
    for _picture in range(2):
        press(doctor, "p")
        expect(beside).to_be_visible()
        seen.append(beside.get_attribute("src"))
    assert len(set(seen)) == 2
    press(doctor, "p")
    expect(beside).to_be_hidden()


def test_blind_review_shows_the_answer_on_request_and_keeps_the_form(
    doctor: Page, record, dr_chen
) -> None:
    DoctorProfile.objects.create(user=dr_chen, blind_review=True)
    open_record(doctor, record)
    expect(doctor.get_by_text("Malignancy")).to_have_count(0)
    press(doctor, "3", "6", "9", "t")
    doctor.keyboard.type("Typed before.")
    press(doctor, "Escape", "i")
    expect(doctor.get_by_text("Malignancy")).to_be_visible()
    expect(doctor.get_by_label("Comment to the person")).to_have_value("Typed before.")
    press(doctor, "h")
    expect(doctor.get_by_text("looked more")).to_be_visible()
    with doctor.expect_navigation():
        press(doctor, "s")
    assert Review.objects.get(record=record).blind is False


def test_back_and_save_write_nothing_a_second_time(doctor: Page, record) -> None:
    """The browser asks for the page again, and fills a form with what it held before."""
    comment = doctor.get_by_label("Comment to the person")
    save = doctor.get_by_role("button", name="Save", exact=True)
    open_record(doctor, record)
    press(doctor, "m", "6", "9", "t")
    doctor.keyboard.type("Please call us soon.")
    doctor.goto(LIST)
    doctor.go_back()  # nothing is saved yet, so what was typed is still there
    expect(comment).to_have_value("Please call us soon.")
    save.click()
    expect(doctor.get_by_text("Your verdict is saved.")).to_be_visible()
    doctor.go_back()
    expect(doctor.get_by_role("heading", name="A further verdict")).to_be_visible()
    expect(comment).to_have_value("")
    save.click()
    expect(doctor.get_by_text("The verdict is not saved yet.")).to_be_visible()
    assert Review.objects.filter(record=record).count() == 1


def test_without_shortcuts_keys_do_nothing(doctor: Page, record, dr_chen) -> None:
    DoctorProfile.objects.create(user=dr_chen, shortcuts=False)
    open_record(doctor, record)
    press(doctor, "m")
    expect(doctor.get_by_label("melanoma")).not_to_be_checked()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(doctor: Page, record, theme) -> None:
    first = record.mole.records.earliest("created_at")
    Change.objects.create(
        before=first.current_assessment, after=record.current_assessment, result=pages.GREW
    )
    doctor.emulate_media(color_scheme=theme, reduced_motion="reduce")
    found = []
    for page in (reverse("admin:index"), LIST, record):
        open_record(doctor, page) if page is record else doctor.goto(page)
        if page is record:
            # Axe leaves out what has a shadow, as what is pressed had.
            look = "(button) => [getComputedStyle(button).color, button.offsetHeight > 30]"
            pressed = doctor.get_by_role("button", name="Side by side")
            assert pressed.evaluate(look) == doctor.locator(".zoom .button").first.evaluate(look)
            expect(pressed).to_have_css("text-decoration-line", "underline")
        result = Axe().run(
            doctor, options={"runOnly": [r for r in pages.RULES if r != "best-practice"]}
        )
        found += [
            f"{page}: {violation['id']} {[node['html'][:150] for node in violation['nodes']]}"
            for violation in result.response["violations"]
        ]
    assert not found, "\n".join(found)


def test_the_pages_keep_the_content_security_policy(doctor: Page, record) -> None:
    complaints: list[str] = []
    doctor.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    doctor.on("pageerror", lambda error: complaints.append(str(error)))
    for page in (reverse("admin:index"), LIST):
        doctor.goto(page)
    open_record(doctor, record)
    press(doctor, "o", "h", "+", "p")
    doctor.wait_for_load_state("networkidle")
    assert not complaints


def test_a_mole_of_many_pictures_leaves_what_the_person_says_in_reach(doctor: Page, alice) -> None:
    mole = MoleFactory(owner=alice)
    for _number in range(30):
        pages.record_of(alice, mole=mole)
    record = pages.record_of(alice, mole=mole, signs=["bleeding"], note="It got darker. " * 250)
    for size in (DESKTOP, PHONE):
        doctor.set_viewport_size(size)
        open_record(doctor, record)
        expect(doctor.get_by_role("heading", name="the same mole (30)")).to_be_visible()
        noticed = doctor.get_by_text("It bleeds", exact=True).bounding_box()
        assert noticed["y"] < 2.5 * size["height"]
        note = doctor.locator(".facts dd", has_text="It got darker.").bounding_box()
        assert note["width"] > 0.9 * doctor.locator(".facts").first.bounding_box()["width"]
        assert doctor.evaluate("document.documentElement.scrollWidth") <= size["width"]
    oldest = doctor.locator("li[data-picture] a").last
    oldest.focus()  # by keyboard, the row follows
    expect(oldest).to_be_in_viewport()
