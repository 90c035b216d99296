"""Cropping and turning before sending: what is in the square is what arrives."""

import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from diagnosis.models import MoleRecord

RED, GREEN, BLUE, YELLOW = (200, 40, 40), (40, 160, 40), (40, 40, 200), (220, 220, 40)


@pytest.fixture
def quarters(tmp_path) -> Path:
    """A wide picture: left to right red, green, blue and yellow, each 300 × 300."""
    picture = Image.new("RGB", (1200, 300))
    for number, colour in enumerate((RED, GREEN, BLUE, YELLOW)):
        picture.paste(colour, (300 * number, 0, 300 * (number + 1), 300))
    picture.save(tmp_path / "quarters.png")
    return tmp_path / "quarters.png"


@pytest.fixture
def dialog(page: Page, alice, log_in, quarters) -> Locator:
    log_in(page.context, alice)
    page.goto("/records/new/")
    page.get_by_label("Picture of the mole").set_input_files(quarters)
    page.get_by_role("button", name="Crop and turn").press("Enter")
    dialog = page.get_by_role("dialog", name="Crop and turn")
    expect(dialog.locator("cropper-image")).to_be_visible()
    page.wait_for_function("document.querySelector('cropper-image').$isReady")
    return dialog


def press(dialog: Locator, name: str, times: int = 1) -> None:
    for _ in range(times):
        dialog.get_by_role("button", name=name).press("Enter")


def stored(page: Page) -> Image.Image:
    page.get_by_role("button", name="Check this picture").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your picture is being checked")
    with MoleRecord.objects.get().image.open() as file:
        return Image.open(io.BytesIO(file.read()))


def assert_colour(picture: Image.Image, x: float, y: float, colour: tuple) -> None:
    at = picture.getpixel((round(x * (picture.width - 1)), round(y * (picture.height - 1))))
    assert at == pytest.approx(colour, abs=25), (x, y)


def test_without_a_connection_it_says_so_and_works_later(page, alice, log_in, quarters) -> None:
    log_in(page.context, alice)
    page.goto("/records/new/")
    page.get_by_label("Picture of the mole").set_input_files(quarters)
    crop = page.get_by_role("button", name="Crop and turn")
    page.context.set_offline(True)
    crop.click()
    expect(page.locator(".pictures")).to_contain_text("The connection was lost.")
    expect(crop).to_be_focused()
    page.context.set_offline(False)
    crop.click()
    expect(page.get_by_role("dialog", name="Crop and turn")).to_be_visible()


def test_the_square_is_moved_by_keyboard_and_never_leaves_the_picture(page, dialog) -> None:
    press(dialog, "Move left", 30)
    press(dialog, "Use this part")
    expect(page.get_by_text("cropped")).to_be_visible()
    expect(page.get_by_role("button", name="Crop and turn")).to_be_focused()
    picture = stored(page)
    assert picture.size == (300, 300)
    for x in (0.02, 0.98):
        assert_colour(picture, x, 0.5, YELLOW)


def test_a_device_without_room_for_the_part_says_so(page, dialog) -> None:
    page.evaluate("() => { HTMLCanvasElement.prototype.toBlob = (done) => done(null); }")
    press(dialog, "Use this part")
    expect(page.locator(".pictures")).to_contain_text("The part could not be cut out")
    expect(page.get_by_text("cropped")).to_be_hidden()
    expect(page.get_by_role("button", name="Crop and turn")).to_be_focused()


def test_turned_and_closer(page, dialog) -> None:
    press(dialog, "Turn right")
    press(dialog, "Closer", 3)
    press(dialog, "Use this part")
    picture = stored(page)
    assert 150 < picture.width < 300
    assert_colour(picture, 0.5, 0.1, GREEN)  # the left is up now
    assert_colour(picture, 0.5, 0.9, BLUE)


def test_dragged(page, dialog) -> None:
    box = dialog.locator("cropper-canvas").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + 50, steps=5)
    page.mouse.up()
    press(dialog, "Use this part")
    assert_colour(stored(page), 0.6, 0.5, GREEN)


@pytest.mark.parametrize("way_out", ["Leave it as it was", "Escape"])
def test_leaving_it_changes_nothing(page, dialog, way_out) -> None:
    press(dialog, "Move left", 5)
    if way_out == "Escape":
        page.keyboard.press("Escape")
    else:
        press(dialog, way_out)
    expect(dialog).to_be_hidden()
    assert stored(page).size == (1200, 300)
