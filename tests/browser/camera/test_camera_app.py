"""The page as an app: what browsers ask before they install it, offline start, and update."""

import io
import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from PIL import Image
from playwright.sync_api import Page, Route, expect

import ml.release
from tests.browser import pages
from tests.browser.camera.conftest import (
    KEPT_BEFORE,
    expect_advice,
    held,
    kept_for_offline,
    save,
    shaken,
    start,
)

CACHES = """async () => {
  const found = {};
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    found[name] = (await cache.keys()).map((request) => new URL(request.url).pathname);
  }
  return found;
}"""


def program(page: Page) -> dict:
    return json.loads(page.locator("#program").text_content())


def test_browsers_may_install_it(phone) -> None:
    page = phone(None)
    kept_for_offline(page)
    assert page.evaluate("window.isSecureContext")
    link = page.locator("link[rel=manifest]").get_attribute("href")
    manifest = page.request.get(link).json()
    assert manifest["name"]
    assert manifest["display"] == "standalone"
    assert page.request.get(manifest["start_url"]).ok
    sizes = {"192x192": False, "512x512": False}
    for icon in manifest["icons"]:
        picture = Image.open(io.BytesIO(page.request.get(icon["src"]).body()))
        assert "{}x{}".format(*picture.size) == icon["sizes"]
        sizes[icon["sizes"]] |= icon["purpose"] == "any"
    assert all(sizes.values())
    touch = page.locator("link[rel=apple-touch-icon]").get_attribute("href")
    assert Image.open(io.BytesIO(page.request.get(touch).body())).size == (180, 180)
    scope = page.evaluate("navigator.serviceWorker.ready.then((r) => new URL(r.scope).pathname)")
    assert manifest["start_url"].startswith(scope)
    # Chromium's own list; a window of tests is an incognito one.
    chromium = page.context.new_cdp_session(page).send("Page.getInstallabilityErrors")
    errors = {error["errorId"] for error in chromium["installabilityErrors"]}
    assert errors <= {"in-incognito"}


def test_it_runs_with_threads(phone) -> None:
    page = phone(None)
    kept_for_offline(page)
    assert page.evaluate("crossOriginIsolated")
    stored = [path for paths in page.evaluate(CACHES).values() for path in paths]
    assert [path for path in stored if "threaded" in path]
    assert not [path for path in stored if "compat" in path]


def not_isolated(route: Route) -> None:
    response = route.fetch()
    headers = {k: v for k, v in response.headers.items() if k != "cross-origin-embedder-policy"}
    route.fulfill(response=response, headers=headers)


def test_it_runs_in_a_browser_without_threads(phone, film, pick) -> None:
    page = phone(film(shaken(pick("doctor_days"))), routes={"**/camera/": not_isolated})
    assert not page.evaluate("crossOriginIsolated")
    start(page)
    expect_advice(page, "doctor_days")
    kept_for_offline(page)
    stored = [path for paths in page.evaluate(CACHES).values() for path in paths]
    assert [path for path in stored if "compat" in path]
    assert not [path for path in stored if "threaded" in path]


def test_it_starts_without_a_connection(phone, film, pick) -> None:
    page = phone(film(shaken(pick("doctor_days"))))
    kept_for_offline(page)
    page.context.set_offline(True)
    page.reload()
    start(page)
    expect_advice(page, "doctor_days")


def test_its_forms_work_after_another_sign_in(phone, alice) -> None:
    page = phone(None)
    kept_for_offline(page)
    page.context.clear_cookies(name="sessionid")
    pages.sign_in(page, alice.email)
    page.goto("/camera/")
    with page.expect_response(lambda response: response.request.method == "POST") as answer:
        page.get_by_role("button", name="Français").click()
    assert answer.value.status == 302


def test_a_date_of_birth_that_is_said_later_reaches_the_stored_page(
    phone, film, pick, alice
) -> None:
    page = phone(film(shaken(pick("watch"))))
    kept_for_offline(page)
    alice.date_of_birth = timezone.localdate() - timedelta(days=365 * 10)
    alice.save()
    page.reload()  # still the page that was stored, which asks for a newer one
    page.wait_for_function(
        "() => JSON.parse(document.getElementById('program').textContent).isMinor", timeout=60_000
    )
    page.context.set_offline(True)
    page.reload()
    start(page)
    expect_advice(page, "watch")
    heading = "No warning sign found, but too little tested on moles like this"
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()


@pytest.fixture
def newer_release(tmp_path: Path) -> Path:
    """The same weights under another version."""
    folder = shutil.copytree(ml.release.RELEASE, tmp_path / "release")
    card = json.loads((folder / "model.json").read_text()) | {"version": "2099.1.1"}
    (folder / "model.json").write_text(json.dumps(card))
    return folder


# The browser looks for a newer build by itself, and may find it before the page listens.
FOUND_EARLIER = """
const { register } = ServiceWorkerContainer.prototype;
ServiceWorkerContainer.prototype.register = async function (...how) {
  const registration = await register.apply(this, how);
  if (!registration.installing && !registration.waiting) {
    await new Promise((resolve) => {
      registration.onupdatefound = resolve;
      registration.update();
    });
  }
  return registration;
};"""


@pytest.mark.parametrize("found", ["", FOUND_EARLIER], ids=["when_asked", "earlier"])
def test_a_newer_model_replaces_the_older_as_a_whole(
    phone, newer_release, monkeypatch, found
) -> None:
    page = phone(None)
    kept_for_offline(page)
    before = program(page)
    monkeypatch.setattr(ml.release, "RELEASE", newer_release)
    page.add_init_script(f"if (!sessionStorage.once) {{ sessionStorage.once = 1; {found} }}")
    page.reload()  # still the older build, which asks for a newer one
    page.wait_for_function(
        "worker => JSON.parse(document.getElementById('program').textContent).worker !== worker",
        arg=before["worker"],
        timeout=60_000,
    )
    after = program(page)
    assert after["card"] != before["card"]
    assert after["model"] == before["model"]  # the same bytes: not loaded again
    expect(page.get_by_role("button", name="Start the camera")).to_be_enabled(timeout=60_000)
    [(name, stored)] = page.evaluate(CACHES).items()
    build = after["worker"].split("/")[2]
    assert name == f"camera-{build}"
    assert {after["card"], after["model"], after["worker"]} <= set(stored)
    assert not [path for path in stored if before["worker"].split("/")[2] in path]


def test_a_phone_whose_session_ran_out_says_that_it_gets_no_newer_model(
    phone, newer_release, monkeypatch, alice
) -> None:
    page = phone(None)
    kept_for_offline(page)
    before, [stored] = program(page)["worker"], page.evaluate(CACHES)
    monkeypatch.setattr(ml.release, "RELEASE", newer_release)
    page.context.clear_cookies(name="sessionid")
    page.reload()
    said = page.get_by_text("You are not signed in any more.")
    expect(said).to_be_visible(timeout=60_000)
    assert list(page.evaluate(CACHES)) == [stored]
    tab = page.context.new_page()
    pages.sign_in(tab, alice.email)
    expect(tab.get_by_role("heading", level=1)).to_have_text("Your records")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # she comes back
    page.wait_for_function(
        "worker => JSON.parse(document.getElementById('program').textContent).worker !== worker",
        arg=before,
        timeout=60_000,
    )
    expect(said).to_be_hidden()


def test_a_release_that_judges_no_photographs_ends_what_the_phone_had_kept(
    phone, newer_release, monkeypatch
) -> None:
    page = phone(None)
    kept_for_offline(page)
    now, day = page.evaluate("Date.now()"), 24 * 3600 * 1000
    page.evaluate(KEPT_BEFORE, [None, now - day])
    card = json.loads((newer_release / "model.json").read_text())
    del card["thresholds"]["photo"]
    (newer_release / "model.json").write_text(json.dumps(card))
    monkeypatch.setattr(ml.release, "RELEASE", newer_release)
    page.reload()  # still the older build, whose browser looks for a newer one
    expect(page.get_by_text("The program for phones is not there at the moment.")).to_be_visible()
    assert page.evaluate(CACHES) == {}
    assert not page.evaluate("navigator.serviceWorker.getRegistrations()")
    # The pictures are the person's still.
    page.evaluate(KEPT_BEFORE, [None, now - 31 * day])
    page.reload()
    expect(page.get_by_text("never sent, and deleted now: 1.")).to_be_visible()
    page.get_by_role("button", name="Send now").click()
    expect(page.get_by_text("The picture was not taken. It is kept on this phone.")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The picture is deleted.")).to_be_focused()
    expect(page.get_by_role("heading", name="Kept on this phone")).to_be_hidden()


@pytest.fixture
def in_use(phone, film, pick) -> Page:
    """The camera page, kept for offline, with its camera on and a warning shown."""
    page = phone(film(shaken(pick("doctor_days"))))
    kept_for_offline(page)
    start(page)
    expect_advice(page, "doctor_days")
    return page


def test_while_the_camera_is_on_nothing_is_replaced(in_use, newer_release, monkeypatch) -> None:
    page = in_use
    monkeypatch.setattr(ml.release, "RELEASE", newer_release)
    page.evaluate("window.same = true; navigator.serviceWorker.ready.then((r) => r.update())")
    update = page.locator("[data-update]")
    expect(update).not_to_have_attribute("hidden", "", timeout=60_000)
    assert page.evaluate("window.same")
    page.get_by_role("button", name="Stop").click()
    update.click()
    page.wait_for_function("() => window.same === undefined")


def test_what_is_being_saved_comes_before_a_newer_version_that_was_asked_for(
    in_use, newer_release, monkeypatch
) -> None:
    page = in_use
    before = program(page)["worker"]
    monkeypatch.setattr(ml.release, "RELEASE", newer_release)
    page.evaluate("window.same = true; navigator.serviceWorker.ready.then((r) => r.update())")
    update = page.locator("[data-update]")
    expect(update).not_to_have_attribute("hidden", "", timeout=60_000)
    [sent] = held(page, lambda: save(page))
    page.get_by_role("button", name="Stop").click()
    update.click()
    page.wait_for_timeout(1_000)
    assert page.evaluate("window.same")
    sent.abort()
    page.wait_for_function("() => window.same === undefined")
    assert program(page)["worker"] != before
    expect(page.get_by_role("heading", name="Kept on this phone")).to_be_visible()


def test_another_tab_that_takes_the_newer_one_leaves_a_camera_that_is_on(
    in_use, newer_release, monkeypatch
) -> None:
    page = in_use
    page.evaluate("window.same = true")
    other = page.context.new_page()
    other.goto("/camera/")
    kept_for_offline(other)
    before = program(other)["worker"]
    monkeypatch.setattr(ml.release, "RELEASE", newer_release)
    other.evaluate("navigator.serviceWorker.ready.then((r) => r.update())")
    other.wait_for_function(
        "worker => JSON.parse(document.getElementById('program').textContent).worker !== worker",
        arg=before,
        timeout=60_000,
    )
    page.wait_for_timeout(1_000)
    assert page.evaluate("window.same")
    expect_advice(page, "doctor_days")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Use the new version").click()
    page.wait_for_function("() => window.same === undefined")
    assert program(page)["worker"] != before


def test_axe_finds_nothing_before_and_while_the_camera_is_on(phone, film, pick) -> None:
    page = phone(film(shaken(pick("doctor_days"))))
    found = []
    for state in ("before", "on"):
        if state == "on":
            start(page)
            expect_advice(page, "doctor_days")
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            violations = Axe().run(page, options={"runOnly": pages.RULES}).response["violations"]
            found += [
                f"{state}, {theme}: {v['id']} {v['nodes'][0]['html'][:200]}" for v in violations
            ]
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert not found, "\n".join(found)
