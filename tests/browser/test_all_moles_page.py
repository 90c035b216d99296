"""All moles beside each other, and a doctor's similar cases, in a real browser at both sizes."""

import gzip
import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts import consent
from diagnosis.models import Assessment
from ml import features
from tests.browser import pages
from tests.browser.conftest import DESKTOP, PHONE
from tests.factories import MoleFactory, ReviewFactory

SIZES = pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
MOLES = reverse("diagnosis:moles")
SITES = ("face", "back", "back", "back", "forearm", "thigh", "sole", "nail", "")
DEMOS = ("even_mole", "irregular_mole", "crusty_patch")


@pytest.fixture
def moles(alice) -> None:
    for number, site in enumerate(SITES):
        name = f"mole {number}" + " by the scar that the dog left" * (number == 2)
        mole = MoleFactory(owner=alice, name=name, body_site=site)
        category = (None, "benign", "malignant_high_risk", "malignant_low_risk")[number % 4]
        if number != 5:
            pages.record_of(alice, DEMOS[number % 3], category, mole=mole)


def complaints_of(page: Page) -> list[str]:
    """What axe finds in either theme, and whether the page scrolls sideways."""
    found = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        # Links of Django's admin fade from one theme to the other.
        page.evaluate("Promise.all(document.getAnimations().map(each => each.finished))")
        result = Axe().run(page, options={"runOnly": pages.RULES})
        found += [
            f"{theme}: {v['id']} {v['nodes'][0]['html']}" for v in result.response["violations"]
        ]
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    return found + ([f"{width[0]} px wide"] if width[0] > width[1] else [])


@SIZES
def test_the_drawn_body_and_the_list_lead_to_a_place(
    page: Page, alice, moles, log_in, size
) -> None:
    page.set_viewport_size(size)
    log_in(page.context, alice)
    page.goto(MOLES)
    back = page.locator("mole-map [data-site=back]")
    expect(back).to_have_attribute("data-known", "")
    expect(page.locator("mole-map [data-site=back] + circle")).to_be_visible()
    places = page.get_by_role("navigation", name="Places")
    expect(places.get_by_role("listitem").filter(has_text="Back")).to_have_text("Back 3")
    expect(page.locator("mole-map [data-site=chest]")).not_to_have_attribute("data-known", "")
    back.click()
    expect(page).to_have_url(re.compile("#at-back$"))
    expect(page.get_by_role("heading", name="Back")).to_be_in_viewport()
    link = places.get_by_role("link", name="Sole")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Sole")).to_be_in_viewport()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="mole 6")).to_be_focused()
    assert not complaints_of(page)


@pytest.mark.browser_context_args(java_script_enabled=False)
def test_without_javascript_the_list_is_there_alone(page: Page, alice, moles, log_in) -> None:
    log_in(page.context, alice)
    page.goto(MOLES)
    expect(page.locator("mole-map")).to_be_hidden()
    expect(page.get_by_role("link", name="Back", exact=True)).to_be_visible()


def test_a_hundred_moles_are_light(page: Page, alice, log_in) -> None:
    for number in range(100):
        mole = MoleFactory(owner=alice, name=f"mole {number}", body_site=SITES[number % 9])
        if number < 12:
            pages.record_of(alice, mole=mole)
    sent = {}
    page.on("response", lambda r: sent.update({r.url: r}))
    log_in(page.context, alice)
    page.goto(MOLES)
    page.wait_for_load_state("networkidle")
    expect(page.locator(".moles > li")).to_have_count(100)
    texts = [r for r in sent.values() if "image" not in r.headers.get("content-type", "")]
    weight = sum(len(gzip.compress(response.body())) for response in texts)
    print(round(weight / 1000), "kB")
    assert weight < pages.WEIGHT
    assert not complaints_of(page)


# --- the doctor ----------------------------------------------------------------------------------


@pytest.fixture
def record(alice, bob, settings):
    """Of alice's, with two of bob's that are like it."""
    settings.SIMILAR_CASES = True
    consent.allow_similar(person=bob, agreed=True)
    of_bob = [pages.record_of(bob, demo, mole=None) for demo in DEMOS[:2]]
    ReviewFactory(record=of_bob[0], diagnosis="nv")
    ReviewFactory(
        record=of_bob[1],
        risk_category="malignant_high_risk",
        diagnosis="mel",
        urgency="doctor_days",
    )
    own = pages.record_of(alice)
    for one, turn in ((own, 0), (of_bob[0], 0.3), (of_bob[1], 1)):
        stored = features.pack(np.array([np.cos(turn), np.sin(turn)]))
        Assessment.objects.filter(record=one).update(features=stored)
    return own


@SIZES
def test_a_doctor_asks_for_similar_cases_while_writing(
    page: Page, dr_chen, record, log_in, size
) -> None:
    page.set_viewport_size(size)
    log_in(page.context, dr_chen)
    page.goto(reverse("admin:diagnosis_molerecord_change", args=[record.pk]))
    expect(page.get_by_text("can’t be shown at the moment")).to_be_hidden()
    page.get_by_label("Comment to the person").fill("Typed before.")
    ask = page.get_by_role("link", name="Look for similar cases")
    page.route("**/similar/", lambda route: route.abort())
    ask.click()
    expect(page.get_by_role("alert")).to_contain_text("can’t be shown at the moment")
    page.unroute("**/similar/")
    ask.focus()
    page.keyboard.press("Enter")
    cases = page.locator("#similar li")
    expect(cases).to_have_count(2)
    expect(page.get_by_role("heading", name="Similar cases")).to_be_focused()
    expect(page.get_by_text("can’t be shown at the moment")).to_be_hidden()
    expect(cases.first).to_contain_text("distance 0.04")
    expect(cases.last).to_contain_text("melanoma, malignant, high risk")
    expect(page.get_by_label("Comment to the person")).to_have_value("Typed before.")
    picture = cases.first.locator("img")
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") > 0
    rules = [rule for rule in pages.RULES if rule != "best-practice"]
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        # Links of Django's admin fade from one theme to the other.
        page.evaluate("Promise.all(document.getAnimations().map(each => each.finished))")
        result = Axe().run(page, options={"runOnly": rules})
        assert not [
            f"{theme}: {v['id']} {node['target']} {node['any'][0]['message']}"
            for v in result.response["violations"]
            for node in v["nodes"]
        ]


@pytest.mark.browser_context_args(java_script_enabled=False)
def test_without_javascript_they_are_a_page(page: Page, dr_chen, record, log_in) -> None:
    log_in(page.context, dr_chen)
    page.goto(reverse("admin:diagnosis_molerecord_change", args=[record.pk]))
    page.get_by_role("link", name="Look for similar cases").click()
    expect(page.locator("#similar li")).to_have_count(2)
