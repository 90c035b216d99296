"""Notifications on the account page: what the browser allows, and what the service then knows.

The push services of browsers' makers are elsewhere, and Chromium without a window has none. So the
one thing that is stood in for is `pushManager`: it answers as a browser would, with real keys.
"""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Page, Worker, expect

from diagnosis.models import PushSubscription
from diagnosis.push import notifications
from tests.browser import pages
from tests.diagnosis.push.conftest import OTHER_VAPID_KEY, VAPID_KEY, browser_at

PAGE = reverse("diagnosis:push")
PHONE = browser_at("https://push.example.org/send/phone").said
# In a page: what a push service would do, remembered as the browser remembers it.
STAND_IN = """(phone) => {
  const bytes = (key) => Uint8Array.from(
    atob(key.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  const subscription = {
    get options() {
      return { applicationServerKey: bytes(localStorage.getItem("subscribed")).buffer };
    },
    endpoint: phone.endpoint,
    toJSON: () => ({ keys: { p256dh: phone.p256dh, auth: phone.auth } }),
    unsubscribe: async () => { localStorage.removeItem("subscribed"); return true; },
  };
  PushManager.prototype.getSubscription = async () =>
    localStorage.getItem("subscribed") ? subscription : null;
  PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
    if (!userVisibleOnly) throw new Error("Silent ones are not allowed.");
    localStorage.setItem("subscribed", applicationServerKey);
    return subscription;
  };
}"""


@pytest.fixture
def phone(page: Page, alice, log_in, settings) -> Page:
    """alice's, signed in; its push service is stood in for."""
    settings.VAPID_KEY = VAPID_KEY
    log_in(page.context, alice)
    page.add_init_script(f"({STAND_IN})({PHONE})")
    return page


def service_worker(page: Page) -> Worker:
    """Of which the page may know before Playwright does."""
    workers = page.context.service_workers
    return workers[0] if workers else page.context.wait_for_event("serviceworker")


def button(page: Page, name: str):
    return page.get_by_role("button", name=name)


def test_she_turns_them_on_and_off_in_this_browser(phone: Page, alice) -> None:
    phone.context.grant_permissions(["notifications"])
    phone.goto(reverse("accounts:account"))
    phone.get_by_role("link", name="Change in which browsers you are notified").click()
    expect(phone.get_by_text("Notifications are off in this browser.")).to_be_visible()
    button(phone, "Turn on in this browser").click()
    expect(phone.get_by_text("They are on in 1 browser.")).to_be_visible()
    assert alice.push_subscriptions.get().endpoint == PHONE["endpoint"]
    assert phone.evaluate("localStorage.getItem('subscribed')") == notifications.public_key()
    expect(button(phone, "Turn on in this browser")).to_be_hidden()
    button(phone, "Turn off in this browser").click()
    expect(phone.get_by_text("Notifications are off.", exact=True)).to_be_visible()
    assert not PushSubscription.objects.exists()
    assert phone.evaluate("localStorage.getItem('subscribed')") is None


def test_what_was_turned_off_elsewhere_is_off_here(phone: Page, alice) -> None:
    phone.context.grant_permissions(["notifications"])
    phone.goto(PAGE)
    button(phone, "Turn on in this browser").click()
    expect(button(phone, "Turn off in this browser")).to_be_visible()
    alice.push_subscriptions.all().delete()
    phone.reload()
    expect(phone.get_by_text("Notifications are off in this browser.")).to_be_visible()


def test_those_of_an_earlier_key_of_the_service_are_off(phone: Page, settings) -> None:
    phone.context.grant_permissions(["notifications"])
    phone.goto(PAGE)
    button(phone, "Turn on in this browser").click()
    expect(button(phone, "Turn off in this browser")).to_be_visible()
    settings.VAPID_KEY = OTHER_VAPID_KEY
    phone.reload()
    expect(phone.get_by_text("Notifications are off in this browser.")).to_be_visible()
    button(phone, "Turn on in this browser").click()
    expect(button(phone, "Turn off in this browser")).to_be_visible()


def test_the_real_service_worker_shows_what_comes_and_opens_its_page(phone: Page, base_url) -> None:
    """Chromium's own tool hands it a message, as its push service would after decrypting it."""
    phone.context.grant_permissions(["notifications"])
    phone.goto(PAGE)
    button(phone, "Turn on in this browser").click()
    expect(button(phone, "Turn off in this browser")).to_be_visible()
    worker = service_worker(phone)
    shown = worker.evaluate(
        """async () => {
          const content = {
            title: "Mole check", body: "A doctor has answered.", lang: "en", page: "/records/1/",
          };
          const data = new TextEncoder().encode(JSON.stringify(content));
          self.dispatchEvent(new PushEvent("push", { data }));
          let one;
          for (let tries = 0; !one && tries < 100; tries++) {
            await new Promise((done) => setTimeout(done, 100));
            [one] = await self.registration.getNotifications();
          }
          return one && [one.title, one.body, one.lang, one.data, one.icon];
        }"""
    )
    assert shown == [
        *("Mole check", "A doctor has answered.", "en", "/records/1/"),
        f"{base_url}/static/img/icon-192.png",
    ]


@pytest.mark.parametrize("made_by", ["browser", "worker"])
def test_a_browser_that_gets_another_address_tells_it(phone: Page, alice, made_by) -> None:
    phone.context.grant_permissions(["notifications"])
    phone.goto(PAGE)
    button(phone, "Turn on in this browser").click()
    expect(button(phone, "Turn off in this browser")).to_be_visible()
    worker = service_worker(phone)
    newer = browser_at("https://push.example.org/send/newer").said
    worker.evaluate(
        """async ([newer, made_by]) => {
          const { endpoint, ...keys } = newer;
          const subscription = { endpoint, toJSON: () => ({ keys }) };
          PushManager.prototype.subscribe = async () => subscription;
          const event = new ExtendableEvent("pushsubscriptionchange");
          if (made_by === "browser") event.newSubscription = subscription;
          let done;
          event.waitUntil = (promise) => { done = promise; };
          self.dispatchEvent(event);
          await done;
        }""",
        [newer, made_by],
    )
    assert alice.push_subscriptions.get().endpoint == newer["endpoint"]


def test_a_person_who_blocks_them_reads_what_to_do(phone: Page) -> None:
    phone.add_init_script(
        "Object.defineProperty(Notification, 'permission', { get: () => 'denied' })"
    )
    phone.goto(PAGE)
    expect(phone.get_by_text("You have blocked notifications from here.")).to_be_visible()
    expect(button(phone, "Turn on in this browser")).to_be_hidden()


def test_a_refusal_when_asked_turns_nothing_on(phone: Page) -> None:
    phone.add_init_script("Notification.requestPermission = async () => 'denied'")
    phone.goto(PAGE)
    button(phone, "Turn on in this browser").click()
    expect(phone.get_by_text("You have blocked notifications from here.")).to_be_visible()
    assert not PushSubscription.objects.exists()


def test_a_push_service_that_fails_is_told(phone: Page) -> None:
    phone.context.grant_permissions(["notifications"])
    phone.add_init_script(
        "PushManager.prototype.subscribe = async () => { throw new Error('no network'); }"
    )
    phone.goto(PAGE)
    button(phone, "Turn on in this browser").click()
    expect(phone.get_by_text("Your browser could not turn them on.")).to_be_visible()
    expect(button(phone, "Turn on in this browser")).to_be_visible()


def test_a_browser_without_them_says_so(phone: Page) -> None:
    phone.add_init_script("delete window.PushManager")
    phone.goto(PAGE)
    expect(phone.get_by_text("This browser can’t show notifications.")).to_be_visible()


@pytest.mark.browser_context_args(java_script_enabled=False)
def test_without_javascript_it_is_a_sentence(page: Page, alice, log_in, settings) -> None:
    settings.VAPID_KEY = VAPID_KEY
    PushSubscription.objects.create(person=alice, **PHONE)
    log_in(page.context, alice)
    page.goto(PAGE)
    expect(page.get_by_text("Turning this on in this browser needs JavaScript.")).to_be_visible()
    page.get_by_role("button", name="Turn off in all browsers").click()
    expect(page.get_by_text("Notifications are off.", exact=True)).to_be_visible()
    assert not PushSubscription.objects.exists()


@pytest.mark.parametrize("language", ["en-gb", "nl", "fr", "de"])
def test_it_is_accessible_and_narrow_enough_in_each_language(phone, alice, language) -> None:
    alice.language = language
    alice.save()
    phone.context.grant_permissions(["notifications"])
    phone.goto(PAGE)
    turn_on = phone.locator("[data-on] button")
    turn_on.wait_for()
    for turned_on in (False, True):
        if turned_on:
            turn_on.click()
            phone.locator("[data-off] button").wait_for()
        for width in (390, 320):
            phone.set_viewport_size({"width": width, "height": 740})
            assert phone.evaluate("document.documentElement.scrollWidth") <= width
        for theme in ("light", "dark"):
            phone.emulate_media(color_scheme=theme, reduced_motion="reduce")
            found = Axe().run(phone, options={"runOnly": pages.RULES}).response["violations"]
            assert not found, [(each["id"], each["nodes"]) for each in found]
