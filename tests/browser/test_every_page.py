"""What holds on every page: accessible in both themes, narrow enough, light, and all our own."""

import gzip

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Response

from diagnosis.models import MoleRecord
from tests.browser import pages
from tests.browser.conftest import PHONE
from tests.factories import picture


@pytest.fixture
def visit(page: Page, alice, dr_chen, log_in):
    """visit(): each page in turn, first as a stranger, then as alice, opened as far as it goes."""

    def one_by_one():
        yield from _open(page, pages.PUBLIC)
        own = pages.of(alice, dr_chen)
        log_in(page.context, alice)
        yield from _open(page, own)
        page.goto(own["new"])
        _send(page, "Check this picture")
        yield "new, with an error"
        page.goto(own["new"])
        mole = {"name": "mole.jpg", "mimeType": "image/jpeg", "buffer": picture()}
        page.get_by_label("Picture of the mole").set_input_files(mole)
        crop = page.get_by_role("button", name="Crop and turn")
        crop.wait_for()
        yield "new, with a picture"
        crop.click()
        page.wait_for_selector("cropper-image")
        yield "cropping"
        MoleRecord.objects.all().delete()
        yield from _open(page, {"empty history": own["history"]})
        page.context.clear_cookies()
        page.goto(pages.PUBLIC["sign_up"])
        _send(page, "Create an account")
        yield "sign-up, with errors"

    return one_by_one


def _open(page: Page, addresses: dict[str, str]):
    for name, address in addresses.items():
        page.goto(address)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        yield name


def _send(page: Page, button: str) -> None:
    with page.expect_navigation():  # a click returns while the old page is still there
        page.get_by_role("main").get_by_role("button", name=button).click()


def test_axe_finds_nothing_in_either_theme(page: Page, visit) -> None:
    found = []
    for name in visit():
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            result = Axe().run(page, options={"runOnly": pages.RULES})
            found += [
                f"{name}, {theme}: {v['id']} {[n['html'][:150] for n in v['nodes']]}"
                for v in result.response["violations"]
            ]
    assert not found, "\n".join(found)


def test_nothing_scrolls_sideways_on_a_phone(page: Page, visit) -> None:
    too_wide = []
    for name in visit():
        for width in (360, 320):
            page.set_viewport_size({"width": width, "height": 740})
            if page.evaluate("document.documentElement.scrollWidth") > width:
                too_wide.append(f"{name} at {width}")
    assert not too_wide


@pytest.mark.parametrize("name", ["home", "moles"])
def test_text_of_twice_the_size_scrolls_nothing_sideways(
    browser_type, browser_type_launch_args, base_url, alice, dr_chen, log_in, name
) -> None:
    args = [*browser_type_launch_args["args"], "--blink-settings=defaultFontSize=32"]
    browser = browser_type.launch(**browser_type_launch_args | {"args": args})
    page = browser.new_page(base_url=base_url, viewport=PHONE, locale="de-DE")
    if name == "moles":
        log_in(page.context, alice)
    page.goto((pages.PUBLIC | pages.of(alice, dr_chen))[name])
    wide = page.evaluate("document.documentElement.scrollWidth")
    browser.close()
    assert wide <= PHONE["width"]


def test_pages_are_light_and_load_nothing_from_elsewhere(page: Page, visit, base_url) -> None:
    responses: list[Response] = []
    complaints: list[str] = []

    def keep(response: Response) -> None:
        if response.request.is_navigation_request():
            responses.clear()  # what the page before had loaded can't be read any more
        responses.append(response)

    page.on("response", keep)
    page.route("**/*", lambda route: route.continue_())  # also keeps the cache out of it
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    weights = {}
    for name in visit():
        page.wait_for_load_state("networkidle")
        sent = {r.url: r for r in responses if "image" not in r.headers.get("content-type", "")}
        assert all(url.startswith((base_url, "blob:", "data:")) for url in sent)
        weights[name] = sum(len(gzip.compress(r.body())) for r in sent.values() if r.ok)
    print({name: round(weight / 1000) for name, weight in weights.items()}, "kB")
    assert max(weights.values()) < pages.WEIGHT
    # A page that answers 400 or 404 says so on the console, too.
    assert not [text for text in complaints if "status of 40" not in text]
