"""A mole over time, with its slider, by keyboard and without a script; the history searched."""

import io
from datetime import timedelta

import numpy as np
import pytest
from django.urls import reverse
from PIL import Image
from playwright.sync_api import Page, expect

from diagnosis.models import Change, Mole, MoleRecord
from diagnosis.moles import changes
from ml.synthetic import phantoms
from tests.browser.conftest import DESKTOP, PHONE
from tests.factories import PASSWORD, MoleFactory, RecordFactory, assessed, picture

SIZES = pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])


# Whether each picture takes all of its place.
FILLED = """() => [...document.querySelectorAll("compare-pictures svg")].map((picture) => {
  const drawn = picture.getScreenCTM().a * picture.viewBox.baseVal.width;
  return Math.abs(drawn - picture.closest("figure").clientWidth) < 1;
})"""
STROKES = """() => [...document.querySelectorAll("compare-pictures polygon")].map((line) => {
  const { stroke, strokeWidth } = getComputedStyle(line);
  return [stroke, parseFloat(strokeWidth)];
})"""


@pytest.fixture
def mole(alice) -> Mole:
    mole = MoleFactory(owner=alice, name="left shoulder")
    for days, size in ((60, "4.0"), (30, "4.5"), (0, "6.0")):
        data = picture((300, 200 + days))
        record = RecordFactory(owner=alice, mole=mole, size_mm=size, image__data=data)
        moment = record.created_at - timedelta(days=days)
        MoleRecord.objects.filter(pk=record.pk).update(created_at=moment)
    return mole


def address(mole: Mole) -> str:
    return reverse("diagnosis:mole_detail", args=[mole.pk])


@SIZES
def test_two_dates_under_a_slider_by_keyboard(page: Page, alice, mole, log_in, size) -> None:
    page.set_viewport_size(size)
    log_in(page.context, alice)
    page.goto(address(mole))
    expect(page.get_by_role("img", name="Size in millimetres: 4.0")).to_be_visible()
    earlier = page.locator("compare-pictures img").first
    assert earlier.evaluate("image => image.naturalHeight") == 260
    page.get_by_role("button", name="With a slider").focus()
    page.keyboard.press("Enter")
    slider = page.get_by_role("slider")
    expect(slider).to_be_visible()
    page.keyboard.press("Tab")
    expect(slider).to_be_focused()
    page.keyboard.press("End")
    assert earlier.evaluate("image => getComputedStyle(image).clipPath") == "inset(0px 0% 0px 0px)"
    for _ in range(25):
        page.keyboard.press("ArrowLeft")
    expect(slider).to_have_attribute("aria-valuetext", "75 %")
    cut = earlier.evaluate("image => getComputedStyle(image).clipPath")
    assert cut == "inset(0px 25% 0px 0px)"
    page.get_by_role("button", name="Side by side").click()
    expect(slider).to_be_hidden()
    assert earlier.evaluate("image => getComputedStyle(image).clipPath") == "none"


def test_other_dates_are_chosen(page: Page, alice, mole, log_in) -> None:
    log_in(page.context, alice)
    page.goto(address(mole))
    page.get_by_label("Earlier", exact=True).select_option(index=1)
    page.get_by_role("button", name="Compare").click()
    earlier = page.locator("compare-pictures img").first
    expect(earlier).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert earlier.evaluate("image => image.naturalHeight") == 230


@pytest.mark.browser_context_args(java_script_enabled=False)
def test_without_javascript_they_stand_side_by_side(page: Page, alice, mole, log_in) -> None:
    log_in(page.context, alice)
    page.goto(address(mole))
    expect(page.locator("compare-pictures img")).to_have_count(2)
    expect(page.get_by_role("button", name="With a slider")).to_be_hidden()
    expect(page.get_by_role("slider")).to_be_hidden()


def test_a_mole_is_renamed_and_deleted(page: Page, alice, mole, log_in) -> None:
    log_in(page.context, alice)
    page.goto(address(mole))
    page.get_by_role("link", name="Change its name or place").click()
    page.get_by_label("Name").fill("near the collar")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("near the collar")
    page.get_by_role("link", name="Delete this mole").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect(
        page.get_by_text("The mole, its pictures and their results are deleted.")
    ).to_be_visible()
    assert not MoleRecord.objects.exists()


@SIZES
def test_the_history_is_searched(page: Page, alice, mole, log_in, size) -> None:
    page.set_viewport_size(size)
    RecordFactory(owner=alice, note="Darker than in the summer")
    log_in(page.context, alice)
    page.goto("/records/")
    page.get_by_text("Find a picture").click()
    page.get_by_label("In your notes").fill("summer")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("status")).to_have_text("1 picture fits.")
    expect(page.get_by_role("listitem").filter(has_text="Darker than")).to_have_count(1)
    expect(page.get_by_label("In your notes")).to_have_value("summer")
    page.get_by_role("link", name="Show all pictures").click()
    expect(page.get_by_role("listitem").filter(has=page.locator("h3"))).to_have_count(4)


@pytest.fixture
def changed(alice) -> Mole:
    """A mole that grew between two pictures, which are turned against each other."""
    mole = MoleFactory(owner=alice, name="right forearm")
    drawn = phantoms.render("irregular_mole", 320)
    turned = drawn.rotate(30, Image.Resampling.BICUBIC, fillcolor=(214, 166, 143))
    for days, (image, radius) in ((60, (drawn, 0.15)), (0, (turned, 0.35))):
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=92)
        record = assessed(
            owner=alice, mole=mole, image__data=stream.getvalue(), modality="dermoscopy"
        )
        angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        round_one = 0.5 + radius * np.column_stack([np.cos(angles), np.sin(angles)])
        record.current_assessment.modality = record.modality
        record.current_assessment.outline = round_one.tolist()
        record.current_assessment.save()
        moment = record.created_at - timedelta(days=days)
        MoleRecord.objects.filter(pk=record.pk).update(created_at=moment)
    return mole


def test_waiting_for_the_comparison_takes_neither_focus_nor_view(
    page: Page, alice, changed, log_in
) -> None:
    log_in(page.context, alice)
    page.goto(address(changed))
    slider = page.get_by_role("button", name="With a slider")
    slider.press("Enter")
    for _twice in range(2):
        with page.expect_response("**/change/**"):
            pass
    expect(slider).to_be_focused()
    expect(slider).to_have_attribute("aria-pressed", "true")
    told = page.locator("[role=status]")
    expect(told).to_have_text("")  # nothing is read out with each look
    page.evaluate("window.place = document.querySelector('[role=status]')")
    changes.run(Change.objects.get().pk)
    expect(page.get_by_role("heading", name="It changed.")).to_be_visible()
    expect(told).to_contain_text("It changed.")
    assert page.evaluate("window.place.isConnected")  # what is new there is read out
    expect(slider).to_be_focused()
    expect(slider).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("slider")).to_be_visible()


def test_the_page_of_a_picture_that_is_not_compared_yet_looks_again_by_itself(
    page: Page, alice, changed, log_in
) -> None:
    """Opened anew, as by a bookmark; what is beside the words stays as it is."""
    log_in(page.context, alice)
    changes.follow(changed.pk)
    page.goto(reverse("diagnosis:record_detail", args=[changed.records.first().pk]))
    expect(
        page.get_by_role("heading", name="No warning sign in the picture so far")
    ).to_be_visible()
    # Of which mole a calm answer is, is shown by then.
    expect(page.get_by_role("button", name="Outline")).to_have_attribute("aria-pressed", "true")
    heatmap = page.get_by_role("button", name="Heatmap")
    heatmap.press("Enter")
    with page.expect_response("**?comparing=1*"):
        pass
    changes.run(Change.objects.get().pk)
    expect(page.get_by_role("heading", name="Should be seen by a doctor")).to_be_visible()
    expect(page.locator("#announcement")).to_contain_text("Should be seen by a doctor")
    expect(heatmap).to_be_focused()
    expect(heatmap).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("The program is comparing")).to_have_count(0)


@SIZES
def test_what_changed_is_said_and_shown_in_turn(page: Page, alice, changed, log_in, size) -> None:
    page.set_viewport_size(size)
    log_in(page.context, alice)
    page.goto(address(changed))
    expect(page.get_by_text("The two pictures are being compared")).to_be_visible()
    changes.run(Change.objects.get().pk)  # the worker; the page looks again by itself
    expect(page.get_by_role("heading", name="It changed.")).to_be_visible()
    expect(page.locator("compare-pictures svg image")).to_have_count(2)
    assert page.evaluate(FILLED) == [True, True]
    strokes = page.evaluate(STROKES)
    # The wider one lies below, so that the line is seen on dark skin and on light.
    assert [colour for colour, _width in strokes] == ["rgb(16, 25, 29)", "rgb(255, 255, 255)"] * 2
    assert strokes[0][1] > strokes[1][1]
    in_turn = page.get_by_role("button", name="In turn")
    in_turn.click()
    earlier, later = page.locator("compare-pictures figure").all()
    expect(earlier).to_be_visible()
    expect(later).to_be_hidden()
    expect(earlier).to_be_hidden()
    in_turn.click()  # stops
    expect(earlier).to_be_visible()
    expect(later).to_be_visible()
    page.get_by_text("What was measured").click()
    expect(page.get_by_role("row", name="Area")).to_contain_text("beyond the error")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
