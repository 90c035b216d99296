"""The body map: a place by mouse, finger or keyboard, in step with the fields beneath it."""

import pytest
from playwright.sync_api import Page, expect

from diagnosis.models import Mole, MoleRecord
from tests.factories import MoleFactory, picture

MOLES, PLACE = "One of your moles", "Where it is on the body"


@pytest.fixture
def upload_page(page: Page, alice, log_in, tmp_path) -> Page:
    MoleFactory(owner=alice, name="near the collar", body_site="shoulder")
    MoleFactory(owner=alice, name="behind the knee", body_site="lower_leg")
    file = tmp_path / "mole.jpg"
    file.write_bytes(picture())
    log_in(page.context, alice)
    page.goto("/records/new/")
    page.get_by_label("Picture of the mole").set_input_files(file)
    page.get_by_text("Say what you noticed").click()
    return page


def send(page: Page) -> MoleRecord:
    page.get_by_role("button", name="Check this picture").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your picture is being checked")
    return MoleRecord.objects.get()


def test_a_place_is_pointed_at(upload_page: Page) -> None:
    upload_page.get_by_role("radio", name="Forearm, left side").first.click()
    expect(upload_page.get_by_label("Where it is on the body")).to_have_value("forearm")
    expect(upload_page.get_by_label("Name for a new mole")).to_have_value("Forearm, left side")
    mole = send(upload_page).mole
    assert (mole.body_site, mole.name) == ("forearm", "Forearm, left side")


def test_a_place_by_keyboard(upload_page: Page) -> None:
    upload_page.get_by_role("radio", name="Scalp").first.focus()
    for _ in range(2):
        upload_page.keyboard.press("ArrowRight")
    neck = upload_page.get_by_role("radio", name="Neck").first
    expect(neck).to_be_focused()
    expect(neck).to_be_checked()
    upload_page.keyboard.press("Tab")
    expect(upload_page.get_by_label("Where it is on the body")).to_be_focused()
    mole = send(upload_page).mole
    assert (mole.body_site, mole.name) == ("neck", "Neck")


def test_a_chosen_mole_hides_none_of_the_others(upload_page: Page) -> None:
    moles, place = (upload_page.get_by_label(name) for name in (MOLES, PLACE))
    moles.focus()
    for site in ("lower_leg", "shoulder"):
        moles.press("ArrowDown")
        expect(place).to_have_value(site)
    place.select_option("Shoulder")
    expect(moles.locator("option:not([hidden])")).to_have_count(2)


def test_another_mole_at_a_place_gets_a_name_of_its_own(page: Page, alice, log_in) -> None:
    MoleFactory(owner=alice, name="Back", body_site="back")
    first = MoleFactory(owner=alice, name="forearm, left side", body_site="forearm")
    log_in(page.context, alice)
    page.goto("/records/new/")
    page.get_by_text("Say what you noticed").click()
    name, moles = page.get_by_label("Name for a new mole"), page.get_by_label("One of your moles")
    page.get_by_label("Where it is on the body").select_option("Back")
    expect(name).to_have_value("Back 2")
    page.get_by_role("radio", name="Forearm, left side; your moles").first.click()
    expect(name).to_have_value("Forearm, left side 2")
    moles.select_option(first.name)
    expect(name).to_be_hidden()
    moles.select_option("A new one, or none")
    expect(name).to_have_value("Forearm, left side 2")


def test_what_is_typed_stays_and_a_second_press_takes_the_place_back(upload_page: Page) -> None:
    name = upload_page.get_by_label("Name for a new mole")
    name.fill("the old one")
    palm = upload_page.get_by_role("radio", name="Palm of the hand, right side")
    palm.click()
    expect(name).to_have_value("the old one")
    palm.press("Enter")
    expect(palm).not_to_be_checked()
    expect(upload_page.get_by_label("Where it is on the body")).to_have_value("")


def test_a_place_is_never_without_a_name(upload_page: Page, tmp_path) -> None:
    """Pictures that are sent together are of one mole, and the name says of which."""
    second = tmp_path / "second.jpg"
    second.write_bytes(picture((301, 240)))
    upload_page.get_by_label("Picture of the mole").set_input_files(second)
    upload_page.get_by_label("Where it is on the body").select_option("Face")
    name = upload_page.get_by_label("Name for a new mole")
    name.fill("")
    name.blur()
    expect(name).to_have_value("Face")
    upload_page.get_by_label("Yes, one mole").check()
    upload_page.get_by_role("button", name="Check these pictures").click()
    expect(upload_page.get_by_role("heading", level=1)).to_have_text(
        "Your pictures are being checked"
    )
    mole = Mole.objects.get(body_site="face")
    assert (mole.name, len(mole.records.get().pictures)) == ("Face", 2)


def test_different_moles_at_one_place_are_a_mole_each(upload_page: Page, tmp_path) -> None:
    """The name that the map suggests is nobody's word that they are the same."""
    second = tmp_path / "second.jpg"
    second.write_bytes(picture((301, 240)))
    upload_page.get_by_label("Picture of the mole").set_input_files(second)
    upload_page.get_by_role("radio", name="Back").first.click()
    expect(upload_page.get_by_label("Name for a new mole")).to_have_value("Back")
    upload_page.get_by_label("No, different moles").check()
    upload_page.get_by_role("button", name="Check these pictures").click()
    expect(upload_page.get_by_role("heading", level=1)).to_have_text("Your records")
    moles = Mole.objects.filter(body_site="back").order_by("name")
    assert [(mole.name, mole.records.count()) for mole in moles] == [("Back", 1), ("Back 2", 1)]


def test_a_name_that_two_pages_suggest_makes_a_mole_each(upload_page: Page, tmp_path) -> None:
    tabs = [upload_page, upload_page.context.new_page()]
    file = tmp_path / "another.jpg"
    file.write_bytes(picture((301, 240)))
    tabs[1].goto("/records/new/")
    tabs[1].get_by_label("Picture of the mole").set_input_files(file)
    tabs[1].get_by_text("Say what you noticed").click()
    for tab in tabs:
        tab.get_by_role("radio", name="Forearm, left side").first.click()
    for tab in tabs:
        expect(tab.get_by_label("Name for a new mole")).to_have_value("Forearm, left side")
        tab.get_by_role("button", name="Check this picture").click()
        expect(tab.get_by_role("heading", level=1)).to_have_text("Your picture is being checked")
    moles = Mole.objects.filter(body_site="forearm").order_by("name")
    assert [(mole.name, mole.records.count()) for mole in moles] == [
        ("Forearm, left side", 1),
        ("Forearm, left side 2", 1),
    ]


def test_the_list_moves_the_map(upload_page: Page) -> None:
    upload_page.get_by_label("Where it is on the body").select_option("Face")
    expect(upload_page.get_by_role("radio", name="Face")).to_be_checked()
    upload_page.get_by_label("Where it is on the body").select_option("Forearm")  # of either side
    expect(upload_page.get_by_role("radio", checked=True)).to_have_count(0)
    upload_page.get_by_label("Where it is on the body").select_option("Nail")  # is on no map
    expect(upload_page.get_by_role("radio", checked=True)).to_have_count(0)


def test_a_known_mole_is_found_by_its_place(upload_page: Page) -> None:
    knee = upload_page.get_by_role(
        "radio", name="Lower leg, left side; your moles: behind the knee"
    )
    knee.first.click()
    moles = upload_page.get_by_label("One of your moles")
    expect(moles.locator("option:not([hidden])")).to_have_text(
        ["A new one, or none", "behind the knee"]
    )
    moles.select_option("behind the knee")
    expect(upload_page.get_by_label("Name for a new mole")).to_be_hidden()
    assert send(upload_page).mole.name == "behind the knee"


def test_a_known_mole_shows_where_it_is(upload_page: Page) -> None:
    upload_page.get_by_label("One of your moles").select_option("near the collar")
    expect(upload_page.get_by_label("Where it is on the body")).to_have_value("shoulder")
    shoulders = upload_page.get_by_role("radio", name="Shoulder")
    for shoulder in shoulders.all():  # of either side, since the mole has none
        expect(shoulder).to_have_attribute("data-on", "")
    expect(shoulders.and_(upload_page.get_by_role("radio", checked=True))).to_have_count(0)
    upload_page.get_by_role("radio", name="Chest").click()  # elsewhere: not that mole
    expect(upload_page.get_by_label("One of your moles")).to_have_value("")


def test_a_name_that_two_moles_have_is_taken(page: Page, alice, log_in) -> None:
    """Though in the list each of the two is told from the other by what follows its name."""
    for site in ("back", "hand"):
        MoleFactory(owner=alice, name="Back", body_site=site)
    log_in(page.context, alice)
    page.goto("/records/new/")
    page.get_by_text("Say what you noticed").click()
    page.get_by_label(PLACE).select_option("Back")
    expect(page.get_by_label("Name for a new mole")).to_have_value("Back 2")
    expect(page.get_by_role("radio", name="Back; your moles: Back · Back").first).to_be_visible()
