"""Files that the browser can't show, or whose name says nothing; and the same picture again."""

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from diagnosis.models import MoleRecord
from tests.factories import picture
from tests.ml.files import dicom

CHECKING = "Your picture is being checked"


def halves() -> Image.Image:
    """Left red, right blue."""
    image = Image.new("RGB", (600, 300), (200, 40, 40))
    image.paste((40, 40, 200), (300, 0, 600, 300))
    return image


def encoded(kind: str) -> bytes:
    if kind == "DICOM":
        return dicom(np.asarray(halves()).tobytes(), Rows=300, Columns=600)
    stream = io.BytesIO()
    halves().save(stream, kind)
    return stream.getvalue()


def choose(page: Page, name: str, data: bytes) -> None:
    file = {"name": name, "mimeType": "", "buffer": data}
    page.get_by_label("Picture of the mole").set_input_files(file)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("mole.heic", "HEIF"), ("scan.tif", "TIFF"), ("IM000001", "DICOM"), ("mole.jp2", "JPEG2000")],
)
def test_what_the_browser_can_not_show_is_shown_and_cropped(upload_page, name, kind) -> None:
    choose(upload_page, name, encoded(kind))
    shown = upload_page.get_by_alt_text("The picture that you chose")
    expect(shown).to_be_visible()
    expect(upload_page.get_by_text("600 × 300")).to_be_visible()
    upload_page.get_by_role("button", name="Crop and turn").click()
    dialog = upload_page.get_by_role("dialog", name="Crop and turn")
    expect(dialog.locator("cropper-image")).to_be_visible()
    upload_page.wait_for_function("document.querySelector('cropper-image').$isReady")
    for _ in range(30):
        dialog.get_by_role("button", name="Move left").press("Enter")
    dialog.get_by_role("button", name="Use this part").click()
    expect(upload_page.get_by_text("cropped")).to_be_visible()
    upload_page.get_by_role("button", name="Check this picture").click()
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(CHECKING)
    with MoleRecord.objects.get().image.open() as file:
        stored = Image.open(io.BytesIO(file.read()))
        assert stored.size == (300, 300)
        assert stored.getpixel((150, 150)) == pytest.approx((40, 40, 200), abs=25)


def test_a_file_without_an_ending_is_judged_by_its_content(upload_page) -> None:
    choose(upload_page, "IMG_0001", picture())
    expect(upload_page.get_by_alt_text("The picture that you chose")).to_be_visible()
    upload_page.get_by_role("button", name="Check this picture").click()
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(CHECKING)


def test_a_kind_that_is_not_read_is_named_at_once(upload_page) -> None:
    choose(upload_page, "mole.jxl", b"\xff\x0a" + bytes(600))
    sentence = "mole.jxl: This is a JPEG XL file, which can't be read here."
    expect(upload_page.get_by_text(sentence)).to_be_visible()
    expect(upload_page.get_by_role("button", name="Remove")).to_have_count(0)


def test_without_a_preview_it_is_sent_as_it_is(upload_page) -> None:
    upload_page.route("**/preview/", lambda route: route.abort())
    choose(upload_page, "mole.heic", encoded("HEIF"))
    expect(upload_page.get_by_text("It is sent as it is.")).to_be_visible()
    upload_page.get_by_role("button", name="Check this picture").click()
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(CHECKING)


def test_no_preview_is_made_as_the_next_person(upload_page, bob, log_in) -> None:
    log_in(upload_page.context, bob)  # in another tab
    choose(upload_page, "mole.heic", encoded("HEIF"))
    expect(upload_page.get_by_text("It is sent as it is.")).to_be_visible()


def test_the_same_picture_again_is_said_and_the_person_decides(upload_page) -> None:
    for time in ("first", "again"):
        upload_page.goto("/records/new/")
        choose(upload_page, "mole.jpg", picture())
        upload_page.get_by_role("button", name="Check this picture").click()
        if time == "first":
            expect(upload_page.get_by_role("heading", level=1)).to_have_text(CHECKING)
    expect(upload_page.get_by_text("You sent this very picture before")).to_be_visible()
    link = upload_page.get_by_role("link", name="See the result")
    expect(link).to_have_attribute("href", f"/records/{MoleRecord.objects.get().pk}/")
    again = upload_page.get_by_role("button", name="Send it again all the same")
    expect(again).to_be_focused()
    again.press("Enter")
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(CHECKING)
    assert MoleRecord.objects.count() == 2
