"""The upload page with its script: keyboard, drop, paste, limits, and one record a click."""

import base64
import re

import pytest
from playwright.sync_api import Page, expect

from diagnosis.models import MoleRecord
from diagnosis.records import pictures
from tests.factories import picture

NEW = "/records/new/"
# A drop or a paste is an event with a DataTransfer, which only the page can make.
GIVE = """([kind, name, data]) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const files = new DataTransfer();
  const type = name.endsWith(".txt") ? "text/plain" : "image/jpeg";
  files.items.add(new File([bytes], name, { type }));
  const event = kind === "paste"
    ? new ClipboardEvent("paste", { clipboardData: files, bubbles: true })
    : new DragEvent(kind, { dataTransfer: files, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
}"""


def give(page: Page, kind: str, name: str = "mole.jpg", data: bytes | None = None) -> None:
    page.evaluate(GIVE, [kind, name, base64.b64encode(data or picture()).decode()])


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_is_dropped_or_pasted(upload_page: Page, kind: str) -> None:
    give(upload_page, kind)
    expect(upload_page.get_by_text("mole.jpg", exact=True)).to_be_visible()
    expect(upload_page.get_by_alt_text("The picture that you chose")).to_be_visible()
    upload_page.get_by_role("button", name="Check this picture").click()
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(
        "Your picture is being checked"
    )


def test_a_picture_chosen_before_the_script_came_is_shown(
    page: Page, alice, log_in, tmp_path
) -> None:
    file = tmp_path / "mole.jpg"
    file.write_bytes(picture())
    log_in(page.context, alice)
    held = []
    page.route("**/upload*.js", lambda route: held.append(route))
    with page.expect_request("**/upload*.js"):
        page.goto(NEW, wait_until="commit")
    page.get_by_label("Picture of the mole").set_input_files(file)
    for route in held:
        route.continue_()
    expect(page.get_by_alt_text("The picture that you chose")).to_be_visible()


def test_a_text_that_is_dropped_is_not_taken(upload_page: Page) -> None:
    give(upload_page, "drop", "notes.txt", b"It grew since May.")
    expect(upload_page.get_by_text("notes.txt: This file is not a picture")).to_be_visible()
    expect(upload_page.get_by_role("button", name="Remove")).to_have_count(0)


def test_by_keyboard_only(upload_page: Page, tmp_path) -> None:
    file = tmp_path / "mole.jpg"
    file.write_bytes(picture())
    press = upload_page.keyboard.press
    # Listening from the start: switched on at the last moment, a slow browser misses the dialog.
    with upload_page.expect_file_chooser() as chooser:
        press("Tab")
        expect(upload_page.get_by_role("link", name="Skip to the main content")).to_be_focused()
        press("Enter")
        press("Tab")
        press("Tab")
        expect(upload_page.get_by_label("Picture of the mole")).to_be_focused()
        press("Enter")
    chooser.value.set_files(file)
    expect(upload_page.get_by_role("button", name="Crop and turn")).to_be_visible()
    for _ in range(4):  # crop, remove, dermatoscope, the questions
        press("Tab")
    press("Enter")
    for _ in range(2):  # itches, bleeds
        press("Tab")
    press("Space")
    expect(upload_page.get_by_label("It bleeds")).to_be_checked()
    press("Shift+Tab")
    press("Shift+Tab")
    press("Enter")  # closed again
    press("Tab")
    expect(upload_page.get_by_role("button", name="Check this picture")).to_be_focused()
    press("Enter")
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(
        "Your picture is being checked"
    )
    assert MoleRecord.objects.get().signs == ["bleeding"]


def test_a_bad_file_is_named_at_once(upload_page: Page, tmp_path) -> None:
    file = tmp_path / "mole.jpg"
    file.write_text("no picture")
    upload_page.get_by_label("Picture of the mole").set_input_files(file)
    expect(upload_page.get_by_text("mole.jpg: This file is not a picture")).to_be_visible()
    expect(upload_page.get_by_role("button", name="Remove")).to_have_count(0)


def test_a_picture_that_is_refused_is_named_beside_it_and_the_note_is_kept(
    upload_page: Page, tmp_path
) -> None:
    file = tmp_path / "mole.gif"
    file.write_bytes(picture(file_format="GIF"))
    upload_page.get_by_label("Picture of the mole").set_input_files(file)
    upload_page.get_by_text("Say what you noticed").click()
    upload_page.get_by_label("Note").fill("since May")
    upload_page.get_by_role("button", name="Check this picture").click()
    expect(upload_page.get_by_text("Animated pictures and GIFs can't be used.")).to_be_visible()
    expect(upload_page.get_by_role("button", name="Remove")).to_be_focused()
    expect(upload_page.get_by_label("Note")).to_have_value("since May")


def test_what_is_wrong_elsewhere_leads_to_its_field(upload_page: Page, tmp_path) -> None:
    file = tmp_path / "mole.jpg"
    file.write_bytes(picture())
    upload_page.get_by_label("Picture of the mole").set_input_files(file)
    upload_page.get_by_text("Say what you noticed").click()
    upload_page.get_by_label("Size in millimetres").fill("4000")
    upload_page.get_by_role("button", name="Check this picture").click()
    summary = upload_page.get_by_role("alert")
    expect(summary).to_be_focused()
    summary.get_by_role("link", name="Enter the size").click()
    size = upload_page.get_by_label("Size in millimetres")
    expect(size).to_be_focused()
    expect(size).to_have_attribute("aria-invalid", "true")
    expect(size).to_have_accessible_description(re.compile("Enter the size"))
    upload_page.keyboard.press("ControlOrMeta+a")
    upload_page.keyboard.type("4000")
    upload_page.get_by_role("button", name="Send again").click()
    expect(summary).to_be_focused()
    expect(upload_page.locator(".field-error", has_text="Enter the size")).to_have_count(1)
    size.fill("4.5")
    upload_page.get_by_role("button", name="Send again").click()
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(
        "Your picture is being checked"
    )
    assert float(MoleRecord.objects.get().size_mm) == 4.5


def test_a_file_that_is_too_large_is_named_before_it_is_sent(upload_page: Page, tmp_path) -> None:
    file = tmp_path / "mole.jpg"
    file.write_bytes(picture() + bytes(pictures.MAX_BYTES))
    upload_page.get_by_label("Picture of the mole").set_input_files(file)
    expect(upload_page.get_by_text("mole.jpg: this file is larger than 25 MB.")).to_be_visible()


def test_a_double_click_is_one_record(upload_page: Page, tmp_path) -> None:
    file = tmp_path / "mole.jpg"
    file.write_bytes(picture())
    upload_page.get_by_label("Picture of the mole").set_input_files(file)
    upload_page.get_by_text("Say what you noticed").click()
    upload_page.get_by_label("Name for a new mole").fill("left shoulder")
    upload_page.get_by_role("button", name="Check this picture").dblclick()
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(
        "Your picture is being checked"
    )
    assert MoleRecord.objects.count() == 1


@pytest.mark.browser_context_args(java_script_enabled=False)
def test_without_javascript(upload_page: Page, tmp_path) -> None:
    file = tmp_path / "mole.jpg"
    file.write_bytes(picture())
    upload_page.get_by_label("Picture of the mole").set_input_files(file)
    upload_page.get_by_role("button", name="Check this picture").click()
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(
        "Your picture is being checked"
    )


@pytest.mark.browser_context_args(has_touch=True, is_mobile=True)
def test_a_phone_offers_its_camera(upload_page: Page, tmp_path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(picture())
    with upload_page.expect_file_chooser() as chooser:
        upload_page.get_by_role("button", name="Take a picture now").tap()
    chooser.value.set_files(file)
    expect(upload_page.get_by_text("photo.jpg", exact=True)).to_be_visible()


@pytest.mark.browser_context_args(java_script_enabled=False)
def test_without_javascript_a_bad_file_leads_to_the_field(upload_page: Page, tmp_path) -> None:
    file = tmp_path / "mole.jpg"
    file.write_text("no picture")
    upload_page.get_by_label("Picture of the mole").set_input_files(file)
    upload_page.get_by_role("button", name="Check this picture").click()
    summary = upload_page.get_by_role("alert")
    expect(summary).to_be_focused()
    summary.get_by_role("link", name="not a picture").click()
    expect(upload_page.get_by_label("Picture of the mole")).to_be_focused()
    expect(upload_page).to_have_title("Error: Check a mole – Skincare mole check")
