"""Several pictures at once, progress, and a connection or a session that is gone."""

import os
import re
import threading
from io import BytesIO
from types import SimpleNamespace

import pytest
from django.urls import reverse
from PIL import Image
from playwright.sync_api import Page, expect

from diagnosis import media, queue
from diagnosis.models import Mole, MoleRecord
from tests.factories import PASSWORD, RecordFactory, picture

NEW = "/records/new/"
API = "**/api/v1/records/"
CHECKING = "Your picture is being checked"


@pytest.fixture
def files(tmp_path) -> list:
    made = [tmp_path / "first.jpg", tmp_path / "second.jpg"]
    for number, file in enumerate(made):
        file.write_bytes(picture((300 + number, 240)))
    return made


@pytest.fixture
def slow_site(monkeypatch):
    """A site that has stored the picture and takes its time to answer."""
    stored, go_on = threading.Event(), threading.Event()

    def wait(record_id) -> None:
        stored.set()
        go_on.wait(120)

    monkeypatch.setattr(queue, "send", wait)
    yield SimpleNamespace(stored=stored, go_on=go_on)
    go_on.set()


def send(page: Page, name: str = "Check this picture") -> None:
    page.get_by_role("button", name=name).click()


def different_moles(page: Page) -> None:
    page.get_by_label("No, different moles").check()


def test_pictures_of_one_mole_are_one_record(upload_page: Page, files) -> None:
    upload_page.get_by_label("Picture of the mole").set_input_files(files)
    upload_page.get_by_label("Taken with a dermatoscope").nth(1).check()
    upload_page.get_by_label("Yes, one mole").check()
    send(upload_page, "Check these pictures")
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(
        "Your pictures are being checked"
    )
    record = MoleRecord.objects.get()
    assert [one.modality for one in record.pictures] == ["photo", "dermoscopy"]


def test_each_of_several_pictures_is_named_by_its_file(upload_page: Page, files) -> None:
    upload_page.get_by_label("Picture of the mole").set_input_files(files)
    for file in files:
        box = upload_page.get_by_role("checkbox", name=f"Taken with a dermatoscope: {file.name}")
        expect(box).to_be_visible()
    bar = upload_page.locator(f"progress[aria-label='Sending: {files[1].name}']")
    expect(bar).to_have_count(1)


def test_of_two_pictures_the_one_that_is_left_keeps_its_kind(upload_page: Page, files) -> None:
    upload_page.get_by_label("Picture of the mole").set_input_files(files)
    upload_page.get_by_label("Taken with a dermatoscope").nth(1).check()
    upload_page.get_by_role("button", name="Remove").first.click()
    expect(upload_page.get_by_role("checkbox", name="Taken with a dermatoscope")).to_be_checked()
    send(upload_page)
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(
        "Your picture is being checked"
    )
    assert MoleRecord.objects.get().modality == "dermoscopy"


def test_after_they_are_sent_a_second_press_leads_to_the_result(upload_page: Page, files) -> None:
    result = re.compile(r"/records/[0-9a-f-]{36}/$")
    stopped = {"status": 204}  # the page stays, as when somebody stops the loading
    upload_page.route(result, lambda route: route.fulfill(**stopped), times=1)
    upload_page.get_by_label("Picture of the mole").set_input_files(files)
    upload_page.get_by_label("Yes, one mole").check()
    with upload_page.expect_response(result):
        send(upload_page, "Check these pictures")
    send(upload_page, "Check these pictures")
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(
        "Your pictures are being checked"
    )
    assert MoleRecord.objects.count() == 1


def test_whether_it_is_one_mole_has_to_be_said(upload_page: Page, files) -> None:
    upload_page.get_by_label("Picture of the mole").set_input_files(files)
    send(upload_page, "Check these pictures")
    asked = upload_page.get_by_role("link", name="Say whether these pictures show the same mole.")
    asked.click()
    expect(upload_page.get_by_label("Yes, one mole")).to_be_focused()
    assert not MoleRecord.objects.exists()


def test_the_same_picture_twice_is_refused_together(upload_page: Page, files) -> None:
    files[1].write_bytes(files[0].read_bytes())
    upload_page.get_by_label("Picture of the mole").set_input_files(files)
    upload_page.get_by_label("Yes, one mole").check()
    send(upload_page, "Check these pictures")
    expect(upload_page.get_by_text("The same picture is there twice")).to_be_visible()
    assert not MoleRecord.objects.exists()


def test_which_of_them_was_sent_before_is_said_at_it(upload_page: Page, files) -> None:
    upload_page.get_by_label("Picture of the mole").set_input_files(files[1])
    send(upload_page)
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(CHECKING)
    upload_page.goto(NEW)
    upload_page.get_by_label("Picture of the mole").set_input_files(files)
    upload_page.get_by_label("Yes, one mole").check()
    send(upload_page, "Check these pictures")
    first, second = upload_page.locator(".pictures > li").all()
    said = second.get_by_role("status")
    expect(said).to_contain_text("second.jpg: Picture 2: You sent this very picture before")
    expect(first).not_to_contain_text("before")
    again = second.get_by_role("button", name="Send it again all the same: second.jpg")
    expect(again).to_be_focused()
    again.click()
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(
        "Your pictures are being checked"
    )


def test_several_at_once_are_a_record_each_of_one_mole(upload_page: Page, files) -> None:
    upload_page.get_by_label("Picture of the mole").set_input_files(files[0])
    upload_page.get_by_label("Picture of the mole").set_input_files(files[1])
    different_moles(upload_page)
    upload_page.get_by_text("Say what you noticed").click()
    upload_page.get_by_label("Name for a new mole").fill("left shoulder")
    send(upload_page, "Check these pictures")
    expect(upload_page.get_by_role("heading", level=1)).to_have_text("Your records")
    assert Mole.objects.get().records.count() == 2


def test_pictures_that_get_an_answer_each_are_sent_oldest_first(upload_page: Page, files) -> None:
    os.utime(files[1], (0, 0))
    upload_page.get_by_label("Picture of the mole").set_input_files(files)
    different_moles(upload_page)
    send(upload_page, "Check these pictures")
    expect(upload_page.get_by_role("heading", level=1)).to_have_text("Your records")
    sent = MoleRecord.objects.order_by("created_at")
    widths = [Image.open(BytesIO(media.read(record.image))).width for record in sent]
    assert widths == [301, 300]


def test_a_picture_is_taken_out_again(upload_page: Page, files) -> None:
    upload_page.get_by_label("Picture of the mole").set_input_files(files)
    upload_page.get_by_role("button", name="Remove: first.jpg").click()
    expect(upload_page.get_by_text("first.jpg", exact=True)).to_be_hidden()
    send(upload_page)
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(CHECKING)
    assert MoleRecord.objects.count() == 1


@pytest.mark.parametrize("together", [False, True])
def test_a_picture_chosen_while_others_are_sent_is_not_left_behind(
    upload_page: Page, files, tmp_path, slow_site, together
) -> None:
    late = tmp_path / "late.jpg"
    late.write_bytes(picture((320, 240)))
    choose = upload_page.get_by_label("Picture of the mole")
    choose.set_input_files(files if together else files[0])
    if together:
        upload_page.get_by_label("Yes, one mole").check()
    send(upload_page, "Check these pictures" if together else "Check this picture")
    expect(upload_page.get_by_text("Waiting for the answer")).to_be_visible()
    choose.set_input_files(late)
    slow_site.go_on.set()
    expect(upload_page.get_by_role("link", name="See the result").first).to_be_visible()
    button = upload_page.get_by_role("button", name="Check these pictures")
    expect(button).to_be_focused()
    expect(upload_page.locator(".pictures > li", has_text="late.jpg")).not_to_contain_text("Sent")
    assert MoleRecord.objects.count() == 1
    button.click()
    expect(upload_page.get_by_role("heading", level=1)).to_have_text("Your records")
    assert [len(record.pictures) for record in MoleRecord.objects.all()] == [1, 1 + together]


def test_a_bad_one_among_them_stays_and_the_others_are_sent(upload_page: Page, files) -> None:
    files[0].write_bytes(picture(file_format="GIF"))
    upload_page.get_by_label("Picture of the mole").set_input_files(files)
    different_moles(upload_page)
    send(upload_page, "Check these pictures")
    expect(upload_page.get_by_text("Animated pictures and GIFs can't be used.")).to_be_visible()
    expect(upload_page.get_by_role("link", name="See the result")).to_be_visible()
    assert MoleRecord.objects.count() == 1
    upload_page.get_by_role("button", name="Remove: first.jpg").click()
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(CHECKING)
    assert MoleRecord.objects.count() == 1


def test_a_form_whose_sending_was_stopped_can_be_sent_again(page, alice, log_in, files) -> None:
    record = RecordFactory(owner=alice)
    page.clock.install()
    log_in(page.context, alice)
    page.goto(reverse("diagnosis:picture_new", args=[record.pk]))
    page.get_by_label("Picture of the mole").set_input_files(files[0])
    posts = []
    page.on("request", lambda request: posts.append(1) if request.method == "POST" else None)
    # The page stays, as when somebody stops the loading.
    page.route("**/records/**", lambda route: route.fulfill(status=204), times=1)
    add = page.get_by_role("button", name="Add this picture")
    with page.expect_response("**/records/**"):
        add.click()
    add.click(force=True)  # as the second half of a double click
    expect(page.get_by_text("Sending the picture…")).to_be_visible()
    assert len(posts) == 1
    page.clock.fast_forward("00:30")
    # It may be on its way still: only the button is free.
    expect(page.get_by_text("Sending the picture…")).to_be_visible()
    expect(add).not_to_have_attribute("aria-disabled", "true")
    add.click()
    expect(page.get_by_text("The picture is added.")).to_be_visible()
    assert len(record.pictures) == len(posts) == 2


def test_how_far_it_is_is_shown(upload_page: Page, files, slow_site) -> None:
    upload_page.get_by_label("Picture of the mole").set_input_files(files[0])
    upload_page.evaluate(
        """() => {
          window.said = [];
          const place = document.querySelector(".pictures [role=status]");
          new MutationObserver(() => window.said.push(place.textContent))
            .observe(place, { childList: true });
        }"""
    )
    send(upload_page)
    expect(upload_page.get_by_role("progressbar", name="Sending")).to_be_visible()
    expect(upload_page.get_by_text("Waiting for the answer")).to_be_visible()
    # A screen reader reads each of them.
    assert upload_page.evaluate("window.said") == [
        "Sending the picture…",
        "Sent. Waiting for the answer…",
    ]
    slow_site.go_on.set()
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(CHECKING)


def test_what_would_not_go_along_any_more_can_not_be_said(upload_page: Page, files, slow_site):
    upload_page.get_by_label("Picture of the mole").set_input_files(files[0])
    upload_page.get_by_text("Say what you noticed").click()
    upload_page.get_by_label("Size in millimetres").press("Enter")
    assert slow_site.stored.wait(120)
    expect(upload_page.get_by_role("button", name="Check this picture")).to_be_focused()
    upload_page.get_by_text("It bleeds").click(force=True)
    upload_page.locator("#id_dermoscopy").click(force=True)
    upload_page.context.set_offline(True)
    expect(upload_page.get_by_role("alert")).to_contain_text("The connection was lost.")
    slow_site.go_on.set()
    upload_page.context.set_offline(False)
    for name in ("It bleeds", "Taken with a dermatoscope"):
        box = upload_page.get_by_role("checkbox", name=name)
        expect(box).not_to_be_checked()
        box.check()


def test_a_lost_connection_keeps_the_picture_and_sending_again_makes_one_record(
    upload_page: Page, files, slow_site
) -> None:
    upload_page.get_by_label("Picture of the mole").set_input_files(files[0])
    send(upload_page)
    expect(upload_page.get_by_text("Waiting for the answer")).to_be_visible()
    assert slow_site.stored.wait(120)
    upload_page.context.set_offline(True)  # it has arrived, and the page never learns of it
    notice = upload_page.get_by_role("alert")
    expect(notice).to_contain_text("The connection was lost.")
    expect(notice).to_be_focused()
    expect(upload_page.get_by_alt_text("The picture that you chose")).to_be_visible()
    slow_site.go_on.set()
    upload_page.context.set_offline(False)
    send(upload_page, "Send again")
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(CHECKING)
    assert MoleRecord.objects.count() == 1


def test_a_server_that_is_not_there_is_a_lost_connection(upload_page: Page, files) -> None:
    upload_page.route(API, lambda route: route.abort("connectionrefused"))
    upload_page.get_by_label("Picture of the mole").set_input_files(files[0])
    send(upload_page)
    expect(upload_page.get_by_role("alert")).to_contain_text("The connection was lost.")
    expect(upload_page.get_by_role("button", name="Send again")).to_be_enabled()


def test_a_file_that_is_gone_is_to_be_chosen_again(upload_page: Page, files) -> None:
    """The browser can't send it, which looks like a lost connection."""
    upload_page.get_by_label("Picture of the mole").set_input_files(files)
    upload_page.get_by_label("Yes, one mole").check()
    for width in (300, 301):  # both were read
        expect(upload_page.get_by_text(f"{width} × 240")).to_be_visible()
    files[1].unlink()
    send(upload_page, "Check these pictures")
    card = upload_page.get_by_role("listitem").filter(has_text="second.jpg")
    expect(card.get_by_text("was changed or moved after you chose it")).to_be_visible()
    expect(upload_page.get_by_text("The connection was lost")).to_be_hidden()
    card.get_by_role("button", name="Remove").click()
    send(upload_page)
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(CHECKING)


def test_an_error_of_ours_keeps_the_picture(upload_page: Page, files) -> None:
    upload_page.route(API, lambda route: route.fulfill(status=503, body="<h1>Busy</h1>"))
    upload_page.get_by_label("Picture of the mole").set_input_files(files[0])
    send(upload_page)
    expect(upload_page.get_by_role("alert")).to_contain_text("Something went wrong on our side.")
    expect(upload_page.get_by_role("button", name="Send again")).to_be_enabled()


def test_a_full_disk_says_so_and_keeps_the_picture(upload_page: Page, files, monkeypatch) -> None:
    monkeypatch.setattr(media, "trouble", lambda: "full")
    upload_page.get_by_label("Picture of the mole").set_input_files(files[0])
    send(upload_page)
    expect(upload_page.get_by_role("alert")).to_contain_text("There is no room for new pictures.")
    expect(upload_page.get_by_role("button", name="Send again")).to_be_enabled()


def test_what_one_person_chose_is_not_sent_as_the_next_ones(
    upload_page: Page, files, alice, bob, log_in
) -> None:
    upload_page.get_by_label("Picture of the mole").set_input_files(files[0])
    log_in(upload_page.context, bob)  # in another tab, after her session ran out
    send(upload_page)
    expect(upload_page.get_by_role("alert")).to_contain_text("not signed in any more")
    assert not MoleRecord.objects.exists()
    log_in(upload_page.context, alice)
    send(upload_page, "Send again")
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(CHECKING)
    assert MoleRecord.objects.get().owner == alice


def test_a_session_that_has_ended_loses_nothing(upload_page: Page, files, alice) -> None:
    upload_page.context.clear_cookies(name="sessionid")
    upload_page.get_by_label("Picture of the mole").set_input_files(files[0])
    send(upload_page)
    expect(upload_page.get_by_role("alert")).to_contain_text("not signed in any more")
    tab = upload_page.context.new_page()
    tab.goto("/account/login/")
    tab.get_by_label("Email").fill(alice.email)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("Your records")
    send(upload_page, "Send again")
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(CHECKING)
    assert MoleRecord.objects.count() == 1
