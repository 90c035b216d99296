"""The result page lives: it changes by itself, and its overlays are really drawn."""

from django.utils import formats
from playwright.sync_api import Page, expect

from diagnosis import queue
from diagnosis.models import Assessment
from diagnosis.records import assessments, claims
from tests.factories import PASSWORD, RecordFactory, ReviewFactory, answer, assessed, picture


def address(record) -> str:
    return f"/records/{record.pk}/"


def test_the_result_appears_without_loading_the_page_again(page: Page, alice, log_in) -> None:
    record = RecordFactory(owner=alice)
    log_in(page.context, alice)
    page.goto(address(record))
    expect(page.get_by_role("heading", level=1)).to_have_text("Your picture is being checked")
    page.evaluate("window.same = true")
    claims.finish(claims.claim(record.pk), Assessment(**answer()))
    expect(page.get_by_role("heading", level=1)).to_have_text("No warning sign found")
    today = formats.date_format(record.created_at)
    expect(page).to_have_title(f"No warning sign found – {today} – Skincare mole check")
    expect(page.get_by_role("status").first).to_have_text(
        "The result is ready: No warning sign found"
    )
    assert page.evaluate("window.same")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(1400)
    assert not asked


def test_who_waits_keeps_the_focus(page: Page, alice, log_in) -> None:
    record = RecordFactory(owner=alice)
    log_in(page.context, alice)
    page.goto(address(record))
    page.get_by_text("About this picture").click()
    link = page.get_by_role("link", name="Delete this picture")
    link.focus()
    with page.expect_response("**/state/**"):
        pass
    RecordFactory(owner=alice)
    claims.claim(record.pk)
    expect(page.get_by_text("The program is looking at it now.")).to_be_visible()
    expect(link).to_be_focused()


def test_a_lost_connection_only_delays_the_result(page: Page, alice, log_in) -> None:
    record = RecordFactory(owner=alice)
    log_in(page.context, alice)
    page.goto(address(record))
    with page.expect_event("requestfailed"):
        page.context.set_offline(True)
    claims.finish(claims.claim(record.pk), Assessment(**answer()))
    page.context.set_offline(False)
    expect(page.get_by_role("heading", level=1)).to_have_text("No warning sign found")


def drawn(page: Page) -> int:
    """How many pixels of the canvas are not clear."""
    return page.locator("mole-picture canvas").evaluate(
        """(canvas) => canvas.getContext("2d")
          .getImageData(0, 0, canvas.width, canvas.height).data
          .filter((value, i) => i % 4 === 3 && value > 0).length"""
    )


def test_heatmap_and_outline_are_drawn_when_asked_for(page: Page, alice, log_in) -> None:
    record = assessed("malignant_high_risk", owner=alice)
    log_in(page.context, alice)
    page.goto(address(record))
    outline, heatmap = (page.get_by_role("button", name=n) for n in ("Outline", "Heatmap"))
    assert drawn(page) == 0
    outline.click()
    only_outline = drawn(page)
    outline.click()
    heatmap.click()
    assert 0 < only_outline < drawn(page)
    expect(page.get_by_text("looked more")).to_be_visible()
    heatmap.click()
    assert drawn(page) == 0


def test_a_calm_answer_shows_of_which_mole_it_is(page: Page, alice, log_in) -> None:
    record = assessed("benign", owner=alice)
    log_in(page.context, alice)
    page.goto(address(record))
    outline = page.get_by_role("button", name="Outline")
    expect(outline).to_have_attribute("aria-pressed", "true")
    page.wait_for_load_state("networkidle")
    assert drawn(page) > 0
    outline.click()
    assert drawn(page) == 0


def test_what_dr_chen_wrote_comes_first(page: Page, alice, dr_chen, log_in) -> None:
    record = assessed("malignant_high_risk", owner=alice)
    ReviewFactory(record=record, doctor=dr_chen, urgency="doctor_weeks", comment="Come in May.")
    log_in(page.context, alice)
    page.goto(address(record))
    expect(page.get_by_role("heading", level=1)).to_have_text("See a doctor within a few weeks")
    expect(page.get_by_text("Come in May.")).to_be_visible()


def test_alice_does_not_see_what_is_bobs(page: Page, alice, bob, log_in) -> None:
    record = assessed("benign", owner=bob)
    log_in(page.context, alice)
    response = page.goto(address(record))
    assert response.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("Deleted, or not yours")
    page.goto("/records/")
    expect(page.get_by_text("You have not sent a picture yet.")).to_be_visible()


def test_deleting(page: Page, alice, log_in) -> None:
    record = assessed("benign", owner=alice)
    log_in(page.context, alice)
    page.goto(address(record))
    page.get_by_role("link", name="Delete this picture").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("The picture and its result are deleted.")).to_be_visible()


def test_a_newer_answer_takes_the_place_of_the_older_by_itself(
    page: Page, alice, log_in, monkeypatch
) -> None:
    monkeypatch.setattr(queue, "send_again", lambda pk: True)
    record = assessed("malignant_high_risk", owner=alice, image__data=picture((600, 600)))
    log_in(page.context, alice)
    page.goto(address(record))
    page.get_by_role("button", name="Check it with the newer version").click()
    expect(page.get_by_text("The newer version is looking at the mole.")).to_be_visible()
    page.evaluate("window.same = true")
    page.get_by_role("button", name="Outline").click()
    expect(page.get_by_text("still looking")).to_be_visible()  # has asked, and got no answer yet
    expect(page.get_by_role("button", name="Outline")).to_have_attribute("aria-pressed", "true")
    assessments.reassess(record=record)
    with page.expect_response(lambda answer: answer.url.endswith("?seen=1")) as seen:
        expect(page.get_by_text("What earlier versions said")).to_be_visible()
    assert seen.value.status == 204
    expect(page.get_by_role("button", name="Check it with")).to_be_hidden()
    # Open: the newer version can't judge this picture, which takes no warning back.
    expect(page.get_by_text("Should be seen by a doctor soon").last).to_be_visible()
    assert page.evaluate("window.same")
