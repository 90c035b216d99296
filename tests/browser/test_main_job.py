"""From sign-up to a result, as a person does it, with a real worker."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from diagnosis.models import MoleRecord
from ml.synthetic.phantoms import render
from tests.diagnosis.programs import Program
from tests.factories import PASSWORD

HAM10000 = Path(__file__).parents[3] / "shared" / "data" / "HAM10000" / "images"
ANSWER = re.compile("No warning sign found|Should be seen by a doctor|can’t be judged")


@pytest.fixture
def worker(process_environment, tmp_path):
    program = Program(
        *("celery", "-A", "skincare_site", "worker", "-l", "INFO", "-c", "1", "-n", "browser@%h"),
        log=tmp_path / "worker.log",
        **process_environment,
    )
    yield program
    program.stop()


@pytest.fixture
def mole_picture(tmp_path) -> Path:
    """A real HAM10000 picture where they are, else a phantom."""
    for picture in sorted(HAM10000.glob("*.jpg"))[:1]:
        return picture
    print(f"\nNOT A REAL PICTURE: there is no {HAM10000}, so a phantom takes its place.")
    phantom = tmp_path / "phantom.jpg"
    render("even_mole").save(phantom)
    return phantom


def test_from_sign_up_to_the_result_and_the_history(page: Page, worker, mole_picture) -> None:
    page.goto("/")
    page.get_by_role("main").get_by_role("link", name="Create an account").click()
    page.get_by_label("Email").fill("alice@example.org")
    page.get_by_label("Date of birth").fill("1980-03-27")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password (again)").fill(PASSWORD)
    page.get_by_label("I agree").check()
    page.get_by_role("button", name="Create an account").click()
    page.get_by_role("link", name="Check your first mole").click()

    page.get_by_label("Picture of the mole").set_input_files(mole_picture)
    expect(page.get_by_alt_text("The picture that you chose")).to_be_visible()
    page.get_by_text("Say what you noticed").click()
    page.get_by_label("Name for a new mole").fill("left shoulder")
    page.get_by_role("button", name="Check this picture").click()

    expect(page.get_by_role("heading", level=1)).to_have_text(ANSWER, timeout=240_000)
    expect(page).to_have_title(ANSWER)
    page.get_by_role("link", name="Your records").click()
    expect(page.get_by_role("link", name="left shoulder").first).to_be_visible()
    assert MoleRecord.objects.get().attempts == 1


def test_a_demo_picture_is_one_click(page: Page, worker, alice, log_in) -> None:
    log_in(page.context, alice)
    page.goto("/records/new/")
    page.get_by_role("button", name="Large, uneven mole").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(ANSWER, timeout=240_000)
    expect(page.locator("#result").get_by_text("drawn by the computer")).to_be_visible()
    page.get_by_role("button", name="Outline").click()
    expect(page.get_by_role("button", name="Outline")).to_have_attribute("aria-pressed", "true")
