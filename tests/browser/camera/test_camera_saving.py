"""Saving a picture, with and without a connection."""

import io
import re

import numpy as np
import pytest
from PIL import Image, ImageFilter
from playwright.sync_api import Page, Route, expect

from diagnosis import media
from diagnosis.models import MoleRecord
from tests.browser.camera.conftest import (
    FRAMED,
    HIDE,
    KEPT_BEFORE,
    expect_advice,
    frames,
    held,
    kept_for_offline,
    save,
    shaken,
    start,
)
from tests.factories import PASSWORD

CHECKED = "Your picture is being checked"


def hearing(said: str, then: str) -> str:
    """A script with which the page hears otherwise what its worker said."""
    return f"""
        const listen = Worker.prototype.addEventListener;
        Worker.prototype.addEventListener = function (kind, heard) {{
          listen.call(this, kind, (event) => event.data?.said === "{said}" ? {then} : heard(event));
        }};
    """


def picture_of(record: MoleRecord) -> Image.Image:
    with record.image.open() as file:
        return Image.open(io.BytesIO(file.read()))


def sharpness(picture: Image.Image) -> float:
    pixels = np.asarray(picture.convert("L"), np.float32)
    return float(np.abs(np.diff(pixels, axis=1)).mean())


@pytest.fixture
def live(phone, film, pick) -> Page:
    page = phone(film(shaken(pick("doctor_days"))))
    start(page)
    expect_advice(page, "doctor_days")
    return page


def test_what_is_saved_goes_to_its_result_page(live: Page) -> None:
    save(live)
    expect(live.get_by_role("heading", level=1)).to_have_text(CHECKED)
    record = MoleRecord.objects.get()
    assert (record.phone_advice, record.modality) == ("doctor_days", "photo")
    assert picture_of(record).size == (FRAMED, FRAMED)


def test_three_pictures_are_saved_as_one_record(live: Page) -> None:
    button = live.get_by_role("button", name="Save three pictures")
    expect(button).to_be_enabled(timeout=30_000)
    button.click()
    expect(live.get_by_role("heading", level=1)).to_have_text("Your pictures are being checked")
    record = MoleRecord.objects.get()
    assert len(record.pictures) == 3
    assert record.phone_advice == "doctor_days"


# All that the worker has of a mole is one picture, however late the person presses what is next.
ONE = hearing(
    "picture",
    """(window.isTaken && (event = { data: { said: "picture", jpeg: null } }),
       window.isTaken = true, heard(event))""",
)
VANISHES = """(
    event.data.look.isClearlyFlagged = false, // else it would stay
    event.data.look.assessment.usable &&= !window.isHidden,
    heard(event))"""


def test_what_was_said_while_three_were_taken_is_not_forgotten(phone, film, pick) -> None:
    page = phone(film(shaken(pick("doctor_days"))), script=hearing("look", VANISHES))
    start(page)
    expect_advice(page, "doctor_days")
    button = page.get_by_role("button", name="Save three pictures")
    expect(button).to_be_enabled(timeout=30_000)
    button.evaluate("button => { button.click(); window.isHidden = true; }")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("being checked"))
    assert MoleRecord.objects.get().phone_advice == "doctor_days"


def leave(page: Page, how: str) -> None:
    if how == "stopped":
        page.get_by_role("button", name="Stop").click()
    elif how == "another":
        page.get_by_role("button", name="Another mole").click()
    elif how == "left":  # for another page, from which one may come back
        page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    else:
        page.evaluate(HIDE, True)
        page.evaluate(HIDE, False)


@pytest.fixture
def one_of_three(phone, film, pick) -> Page:
    page = phone(film(shaken(pick("doctor_days"))), script=ONE)
    start(page)
    expect_advice(page, "doctor_days")
    button = page.get_by_role("button", name="Save three pictures")
    expect(button).to_be_enabled(timeout=30_000)
    button.click()
    expect(page.locator("[data-live-said]")).to_contain_text("of 3 is taken")
    return page


@pytest.mark.parametrize("how", ["hidden", "stopped", "another", "left"])
def test_what_was_taken_of_three_is_saved_when_no_more_are_taken(one_of_three: Page, how) -> None:
    leave(one_of_three, how)
    expect(one_of_three.get_by_role("heading", level=1)).to_have_text(CHECKED)
    assert len(MoleRecord.objects.get().pictures) == 1


def test_what_was_taken_of_three_is_on_the_phone_when_another_page_comes(
    one_of_three: Page,
) -> None:
    page = one_of_three
    page.wait_for_function(KEPT)
    page.goto("/moles/")
    page.goto("/camera/")
    expect(page.get_by_role("heading", name="Kept on this phone")).to_be_visible()
    page.get_by_role("button", name="Send now").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(CHECKED)
    assert MoleRecord.objects.get().phone_advice == "doctor_days"


@pytest.mark.parametrize("how", ["hidden", "stopped", "another", "left"])
def test_what_is_being_saved_is_saved_whatever_is_pressed_next(phone, film, pick, how) -> None:
    later = "(window.hear = () => heard(event))"
    page = phone(film(shaken(pick("doctor_days"))), script=hearing("picture", later))
    start(page)
    expect_advice(page, "doctor_days")
    save(page)
    page.wait_for_function("() => window.hear")
    leave(page, how)
    page.evaluate("() => { window.hear(); }")
    expect(page.get_by_role("heading", level=1)).to_have_text(CHECKED)
    assert MoleRecord.objects.get().phone_advice == "doctor_days"


def test_where_nothing_was_taken_yet_it_says_so(phone, film, pick) -> None:
    nothing = "heard({ data: { said: 'picture', jpeg: null } })"
    page = phone(film(shaken(pick("doctor_days"))), script=hearing("picture", nothing))
    start(page)
    save(page)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Nothing was saved")).to_be_visible()


def test_a_slow_phone_saves_three_pictures_too(phone, film, pick) -> None:
    slowly = "setTimeout(() => heard(event), 1_000)"
    page = phone(film(shaken(pick("doctor_days"))), script=hearing("look", slowly))
    start(page)
    button = page.get_by_role("button", name="Save three pictures")
    expect(button).to_be_enabled(timeout=60_000)
    button.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Your pictures are being checked", timeout=60_000
    )
    assert len(MoleRecord.objects.get().pictures) == 3


def test_another_mole_is_saved_once_the_camera_has_seen_it(live: Page) -> None:
    [sent] = held(live, lambda: save(live))
    live.locator("video").evaluate("video => video.pause()")
    live.wait_for_timeout(1_000)  # its last frame may still be on its way
    live.get_by_role("button", name="Another mole").click()
    sent.abort()
    expect(live.get_by_role("heading", name="Kept on this phone")).to_be_visible()
    live.wait_for_timeout(500)  # what could offer it wrongly comes after that
    expect(live.get_by_role("button", name="Save this picture")).to_be_disabled()
    live.locator("video").evaluate("video => video.play()")
    live.unroute("**/api/v1/records/")
    save(live)
    expect(live.get_by_role("heading", level=1)).to_have_text(CHECKED)


# Of four frames one is sharp, and a slow machine's last six count, too.
BLURS = """
  const { now } = performance;
  performance.now = () => now.call(performance) / 20;
  const frame = createImageBitmap;
  let frames = 0;
  window.createImageBitmap = async (...part) => {
    const bitmap = await frame(...part);
    if (frames++ % 4 === 0) return bitmap;
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext("2d");
    context.filter = "blur(2.5px)";
    context.drawImage(bitmap, 0, 0);
    return canvas.transferToImageBitmap();
  };
"""


def test_of_the_last_frames_the_sharpest_is_saved(phone, film, pick) -> None:
    sharp = shaken(pick("doctor_days"), count=1)[0]
    blurred = sharp.filter(ImageFilter.GaussianBlur(2.5))
    page = phone(film([sharp]), script=BLURS)
    start(page)
    expect_advice(page, "doctor_days")
    page.wait_for_function(
        "() => document.querySelector('[data-camera]').dataset.frames > 8", timeout=60_000
    )
    save(page)
    expect(page.get_by_role("heading", level=1)).to_have_text(CHECKED)
    framed = (
        (1280 - FRAMED) // 2, (720 - FRAMED) // 2, (1280 + FRAMED) // 2, (720 + FRAMED) // 2
    )  # fmt: skip
    # Storing it as JPEG takes some of the sharpness of one that has little.
    between = (sharpness(sharp.crop(framed)) + sharpness(blurred.crop(framed))) / 2
    assert sharpness(picture_of(MoleRecord.objects.get())) > between


# A camera that shows fine red squares, and from then on coarse green ones, which are less sharp.
SQUARES = """
  navigator.mediaDevices.getUserMedia = async () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1280, height: 720 });
    const context = canvas.getContext("2d");
    const draw = () => {
      const [ground, square] = window.moved ? ["#1ec81e", "#28be28"] : ["#c81e1e", "#500000"];
      context.fillStyle = ground;
      context.fillRect(0, 0, 1280, 720);
      context.fillStyle = square;
      for (let i = 0; i < 2304; i++) context.fillRect((i % 64) * 20, Math.floor(i / 64) * 20, 8, 8);
    };
    setInterval(draw, 50);
    return canvas.captureStream(20);
  };
"""


def test_a_slow_phone_saves_no_picture_of_what_was_framed_long_before(phone) -> None:
    def slow(route: Route) -> None:
        answer = route.fetch()
        begin = "async look(square) {"
        wait = f"{begin} await new Promise((done) => setTimeout(done, 1000));"
        route.fulfill(response=answer, body=answer.text().replace(begin, wait))

    page = phone(None, routes={"**/classifier.js": slow}, script=SQUARES)
    start(page)
    looked = "n => document.querySelector('[data-camera]').dataset.frames >= n"
    page.wait_for_function(looked, arg=4, timeout=60_000)
    page.evaluate("() => { window.moved = true; }")
    page.wait_for_function(looked, arg=frames(page) + 3, timeout=60_000)  # two were under way
    save(page)
    expect(page.get_by_role("heading", level=1)).to_have_text(CHECKED)
    red, green, _blue = np.asarray(picture_of(MoleRecord.objects.get())).mean((0, 1))
    assert green > red


def test_while_it_is_sent_it_is_not_saved_again(live: Page) -> None:
    [sent] = held(live, lambda: save(live))
    live.wait_for_function(
        "n => document.querySelector('[data-camera]').dataset.frames > n", arg=frames(live) + 2
    )
    expect(live.get_by_role("button", name="Save this picture")).to_be_disabled()
    sent.continue_()
    expect(live.get_by_role("heading", level=1)).to_have_text(CHECKED)
    assert MoleRecord.objects.count() == 1


def test_without_a_connection_it_is_kept_and_sent_later(live: Page) -> None:
    kept_for_offline(live)
    live.context.set_offline(True)
    expect(live.get_by_text("You are offline.")).to_be_visible()
    save(live)
    expect(live.get_by_text("It is kept on this phone.")).to_be_visible()
    live.reload()
    expect(live.get_by_role("heading", name="Kept on this phone")).to_be_visible()
    assert not MoleRecord.objects.exists()
    live.context.set_offline(False)
    live.get_by_role("button", name="Send now").click()
    expect(live.get_by_role("heading", level=1)).to_have_text(CHECKED)
    live.goto("/camera/")
    expect(live.get_by_role("heading", name="Kept on this phone")).to_be_hidden()
    assert MoleRecord.objects.get().phone_advice == "doctor_days"


def test_who_saves_by_keyboard_stays_at_the_button(live: Page) -> None:
    button = live.get_by_role("button", name="Save this picture")
    expect(button).to_be_enabled()
    sent = held(live, lambda: button.press("Enter"))
    expect(button).to_be_disabled()
    button.press("Enter")
    live.wait_for_timeout(500)
    sent[0].abort()
    expect(live.get_by_text("The picture could not be sent.")).to_be_visible()
    expect(button).to_be_enabled()
    expect(button).to_be_focused()
    assert len(sent) == 1


def test_an_answer_that_is_lost_makes_no_second_record(live: Page) -> None:
    def take_and_drop(route):
        route.fetch()
        route.abort()

    live.route("**/api/v1/records/", take_and_drop, times=1)
    save(live)
    expect(live.get_by_text("The picture could not be sent.")).to_be_visible()
    live.get_by_role("button", name="Send now").click()
    expect(live.get_by_role("heading", level=1)).to_have_text(CHECKED)
    assert MoleRecord.objects.count() == 1


def test_a_full_disk_says_so_and_the_phone_keeps_it(live: Page, monkeypatch) -> None:
    monkeypatch.setattr(media, "trouble", lambda: "full")
    save(live)
    expect(live.get_by_text("It is kept on this phone. There is no room")).to_be_visible()
    monkeypatch.undo()
    live.get_by_role("button", name="Send now").click()
    expect(live.get_by_role("heading", level=1)).to_have_text(CHECKED)


# Safari's private tabs, and a phone without room.
NO_BLOB = """
    const holdsOne = value.jpegs.some((jpeg) => jpeg instanceof Blob);
    if (holdsOne) throw new DOMException('', 'DataCloneError');
"""
NO_ROOM = "throw new DOMException('', 'QuotaExceededError');"
STORES = """() => {
  const { put } = IDBObjectStore.prototype;
  IDBObjectStore.prototype.put = function (value) {
    %s
    return put.call(this, value);
  };
}"""


def test_a_browser_that_stores_no_blobs_keeps_it_all_the_same(live: Page) -> None:
    live.evaluate(STORES % NO_BLOB)
    live.route("**/api/v1/records/", lambda route: route.abort())
    save(live)
    image = live.get_by_alt_text("The picture that was kept")
    expect(image).to_be_visible()
    live.wait_for_function("document.querySelector('[data-kept-list] img').naturalWidth > 0")


def test_what_can_not_be_kept_is_sent_all_the_same(live: Page) -> None:
    live.evaluate(STORES % NO_ROOM)
    live.route("**/api/v1/records/", lambda route: route.abort(), times=1)
    save(live)
    expect(live.get_by_text("neither be sent nor be kept on this phone")).to_be_visible()
    save(live)
    expect(live.get_by_role("heading", level=1)).to_have_text(CHECKED)
    assert MoleRecord.objects.count() == 1


def test_what_is_lost_after_the_camera_was_stopped_is_said(live: Page) -> None:
    live.evaluate(STORES % NO_ROOM)
    [sent] = held(live, lambda: save(live))
    live.get_by_role("button", name="Stop").click()
    sent.abort()
    expect(live.get_by_text("neither be sent nor be kept on this phone")).to_be_visible()


def test_what_was_sent_and_can_not_be_dropped_leads_to_its_result(live: Page) -> None:
    live.evaluate("() => { IDBObjectStore.prototype.delete = () => { throw new Error(); }; }")
    save(live)
    expect(live.get_by_role("heading", level=1)).to_have_text(CHECKED)


def sign_in_again(page: Page, person) -> None:
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/camera/")


def test_who_was_signed_out_signs_in_and_sends_it_then(live: Page, alice) -> None:
    live.context.clear_cookies()
    save(live)
    expect(live.get_by_text("Sign in, then send it below.")).to_be_visible()
    live.get_by_role("link", name="Sign in").first.click()
    sign_in_again(live, alice)
    live.get_by_role("button", name="Send now").click()
    expect(live.get_by_role("heading", level=1)).to_have_text(CHECKED)


def test_whoever_signs_in_next_finds_no_picture_of_another(live: Page, alice, bob) -> None:
    kept_for_offline(live)
    live.route("**/api/v1/records/", lambda route: route.abort())
    kept = live.get_by_role("heading", name="Kept on this phone")
    for person, sees in ((alice, expect(kept).to_be_visible), (bob, expect(kept).to_be_hidden)):
        live.context.clear_cookies(name="sessionid")  # it ran out
        live.goto("/account/login/?next=/camera/")
        sign_in_again(live, person)
        if person == alice:
            start(live)
            save(live)
            expect(kept).to_be_visible()
            live.reload()
        expect(live.get_by_role("button", name="Start the camera")).to_be_visible()
        sees()


def test_what_one_person_took_is_neither_sent_as_the_next_ones_nor_shown_to_them(
    live: Page, alice, bob, log_in
) -> None:
    kept_for_offline(live)
    log_in(live.context, bob)  # in another tab, after her session ran out
    save(live)
    expect(live.get_by_text("Sign in, then send it below.")).to_be_visible()
    assert not MoleRecord.objects.exists()
    tab = live.context.new_page()
    tab.goto("/camera/")  # as it was stored for her, which asks for that of the next person
    tab.wait_for_function(
        "person => JSON.parse(document.getElementById('program').textContent).person === person",
        arg=bob.pseudonym,
        timeout=60_000,
    )
    expect(tab.get_by_role("button", name="Start the camera")).to_be_enabled(timeout=60_000)
    expect(tab.get_by_role("heading", name="Kept on this phone")).to_be_hidden()
    log_in(live.context, alice)
    live.get_by_role("button", name="Send now").click()
    expect(live.get_by_role("heading", level=1)).to_have_text(CHECKED)
    assert MoleRecord.objects.get().owner == alice


def test_what_was_kept_can_be_deleted(live: Page) -> None:
    live.route("**/api/v1/records/", lambda route: route.abort())
    save(live)
    expect(live.get_by_role("button", name="Delete")).to_have_count(1)
    save(live)
    first = live.get_by_role("button", name="Send now").first
    expect(live.get_by_role("button", name="Delete")).to_have_count(2)
    first.click()
    expect(live.get_by_text("The picture could not be sent.").last).to_be_visible()
    expect(first).to_be_focused()
    live.get_by_role("button", name="Delete").first.click()
    expect(first).to_be_focused()
    live.get_by_role("button", name="Delete").click()
    expect(live.get_by_text("The picture is deleted.")).to_be_focused()
    expect(live.get_by_role("heading", name="Kept on this phone")).to_be_hidden()
    live.reload()
    expect(live.get_by_role("button", name="Start the camera")).to_be_visible()
    expect(live.get_by_role("heading", name="Kept on this phone")).to_be_hidden()


# As in Safari, whose database goes away while the page is open.
LOST_ONCE = """() => {
  const { getAll } = IDBObjectStore.prototype;
  IDBObjectStore.prototype.getAll = () => {
    IDBObjectStore.prototype.getAll = getAll;
    throw new DOMException('Connection to Indexed Database server lost', 'UnknownError');
  };
}"""


def test_a_list_that_is_lost_once_holds_up_nothing(live: Page) -> None:
    live.route("**/api/v1/records/", lambda route: route.abort(), times=2)
    broken = live.get_by_text("Something went wrong.")
    live.evaluate(LOST_ONCE)
    save(live)
    expect(broken).to_be_visible()
    save(live)
    expect(live.get_by_role("button", name="Delete")).to_have_count(2)
    live.evaluate(LOST_ONCE)
    live.get_by_role("button", name="Delete").first.click()
    expect(broken).to_be_visible()
    live.get_by_role("button", name="Delete").first.click()
    expect(live.get_by_text("The picture is deleted.")).to_be_visible()
    save(live)
    expect(live.get_by_role("heading", level=1)).to_have_text(CHECKED)


def test_what_is_being_sent_is_neither_deleted_nor_sent_twice_nor_left_for_another(
    live: Page,
) -> None:
    live.route("**/api/v1/records/", lambda route: route.abort(), times=1)
    save(live)
    expect(live.get_by_role("heading", name="Kept on this phone")).to_be_visible()
    sent = held(live, live.get_by_role("button", name="Send now").dblclick)
    delete = live.get_by_role("button", name="Delete")
    expect(delete).to_be_disabled()
    delete.click(force=True)
    live.wait_for_timeout(1_000)
    expect(live.get_by_role("button", name="Save this picture")).to_be_disabled()
    expect(live.get_by_text("The picture is deleted.")).to_be_hidden()
    [only] = sent
    only.continue_()
    expect(live.get_by_role("heading", level=1)).to_have_text(CHECKED)


def test_what_is_deleted_after_thirty_days_is_said(phone) -> None:
    page = phone(None)
    expect(page.get_by_role("button", name="Start the camera")).to_be_enabled(timeout=60_000)
    now, day = page.evaluate("Date.now()"), 24 * 3600 * 1000
    page.evaluate(KEPT_BEFORE, [None, now - day, now - 31 * day, 0])  # at 0, the clock was wrong
    page.reload()
    expect(page.get_by_text("never sent, and deleted now: 1.")).to_be_visible()
    expect(page.get_by_role("button", name="Delete")).to_have_count(2)


KEPT = """async () => {
  const opening = indexedDB.open("camera", 1);
  await new Promise((resolve) => { opening.onsuccess = resolve; });
  const counting = opening.result.transaction("pictures").objectStore("pictures").count();
  await new Promise((resolve) => { counting.onsuccess = resolve; });
  return counting.result;
}"""


def test_what_another_person_left_is_deleted_after_thirty_days_without_a_word(phone, bob) -> None:
    page = phone(None)
    expect(page.get_by_role("button", name="Start the camera")).to_be_enabled(timeout=60_000)
    old = page.evaluate("Date.now()") - 31 * 24 * 3600 * 1000
    for person in (None, bob.pseudonym):
        page.evaluate(KEPT_BEFORE, [person, old])
    page.reload()
    expect(page.get_by_text("never sent, and deleted now: 1.")).to_be_visible()
    assert page.evaluate(KEPT) == 0


def test_a_clock_that_is_ahead_once_deletes_nothing(phone) -> None:
    page = phone(None)
    expect(page.get_by_role("button", name="Start the camera")).to_be_enabled(timeout=60_000)
    page.evaluate(KEPT_BEFORE, [None, page.evaluate("Date.now()")])
    page.add_init_script("const { now } = Date; Date.now = () => now() + 40 * 24 * 3600 * 1000;")
    page.reload()
    expect(page.get_by_role("button", name="Delete")).to_have_count(1)


@pytest.mark.parametrize("button", ["Send now", "Delete"])
def test_what_another_tab_has_sent_is_not_said_to_be_deleted(live: Page, button: str) -> None:
    live.route("**/api/v1/records/", lambda route: route.abort(), times=1)
    save(live)
    expect(live.get_by_role("heading", name="Kept on this phone")).to_be_visible()
    tab = live.context.new_page()
    tab.goto("/camera/")
    tab.get_by_role("button", name="Send now").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text(CHECKED)
    live.get_by_role("button", name=button).click()
    expect(live.get_by_text("It was sent or deleted in another tab.")).to_be_visible()
    expect(live.get_by_role("heading", name="Kept on this phone")).to_be_hidden()


def test_signing_out_while_a_picture_is_sent_does_not_say_that_it_is_kept(live: Page) -> None:
    [sent] = held(live, lambda: save(live))
    tab = live.context.new_page()
    tab.goto("/account/logout/")
    tab.get_by_role("main").get_by_role("button", name="Sign out").click()
    tab.wait_for_url("/")
    sent.continue_()
    expect(live.get_by_text("It was sent or deleted in another tab.")).to_be_visible()
    expect(live.get_by_text("is kept on this phone.")).to_be_hidden()
    expect(live.get_by_role("heading", name="Kept on this phone")).to_be_hidden()


def test_signing_out_leaves_nothing_of_the_person_on_the_phone(live: Page, bob, log_in) -> None:
    kept_for_offline(live)
    live.route("**/api/v1/records/", lambda route: route.abort())
    save(live)
    expect(live.get_by_role("heading", name="Kept on this phone")).to_be_visible()
    live.goto("/account/logout/")
    expect(live.get_by_text("that were not sent yet are deleted from it")).to_be_visible()
    live.get_by_role("main").get_by_role("button", name="Sign out").click()
    live.wait_for_url("/")
    log_in(live.context, bob)
    live.goto("/camera/")
    expect(live.get_by_role("button", name="Start the camera")).to_be_visible()
    expect(live.get_by_role("heading", name="Kept on this phone")).to_be_hidden()


def test_a_service_that_does_not_answer_hides_no_kept_picture(phone) -> None:
    """Whether one is too old is asked of the service."""
    page = phone(None)
    expect(page.get_by_role("button", name="Start the camera")).to_be_enabled(timeout=60_000)
    now, day = page.evaluate("Date.now()"), 24 * 3600 * 1000
    page.evaluate(KEPT_BEFORE, [None, now - day, now - 31 * day])
    asked = []
    page.route(
        "**/camera/",
        lambda route: asked.append(route) if route.request.method == "HEAD" else route.continue_(),
    )
    with page.expect_request(lambda request: request.method == "HEAD"):
        page.reload()
    expect(page.get_by_role("button", name="Delete")).to_have_count(2)
    asked[0].continue_()
    expect(page.get_by_role("button", name="Delete")).to_have_count(1)
