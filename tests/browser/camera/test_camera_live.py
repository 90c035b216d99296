"""What the page says while the camera runs."""

from playwright.sync_api import Page, expect

OUTCOME = "[data-outcome]"


def start(page: Page) -> None:
    button = page.get_by_role("button", name="Start the camera")
    expect(button).to_be_enabled(timeout=30_000)
    button.click()


def test_a_prediction_appears(phone, film, pick) -> None:
    page = phone(film(pick("doctor_days")))
    start(page)
    expect(page.locator(OUTCOME)).to_have_attribute("data-advice", "doctor_days", timeout=30_000)
