"""What a person changes about a mole: name, place, reminder, its pictures, and that it is there."""

import re

import pytest
from django.urls import reverse

from diagnosis.models import Mole, MoleRecord, Review
from tests.factories import PASSWORD, MoleFactory, RecordFactory, ReviewFactory, assessed


@pytest.fixture
def mole(client, alice):
    client.force_login(alice)
    return MoleFactory(owner=alice, name="left shoulder")


def page(name, thing):
    return reverse(f"diagnosis:{name}", args=[thing.pk])


def confirm_password(client):
    return client.post(reverse("account_reauthenticate"), {"password": PASSWORD})


def test_another_name_and_place(client, mole):
    response = client.post(page("mole_edit", mole), {"name": "collar", "body_site": "neck"})
    assert response.url == page("mole_detail", mole)
    mole.refresh_from_db()
    assert (mole.name, mole.body_site) == ("collar", "neck")


@pytest.mark.parametrize("answers", [{"name": ""}, {"name": "x", "body_site": "moon"}])
def test_a_name_or_a_place_that_is_refused_says_why(client, mole, answers):
    response = client.post(page("mole_edit", mole), answers)
    assert response.status_code == 400
    assert "There is a problem" in response.content.decode()
    assert Mole.objects.get().name == "left shoulder"


def test_a_picture_moves_to_another_mole(client, alice, mole):
    record = RecordFactory(owner=alice, mole=MoleFactory(owner=alice, name="wrong one"))
    response = client.post(page("record_mole", record), {"mole": mole.pk})
    assert response.url == page("record_detail", record)
    assert MoleRecord.objects.get().mole == mole
    client.post(page("record_mole", record), {"mole": "", "initial-mole": mole.pk})
    assert MoleRecord.objects.get().mole is None


def hidden(client, address) -> dict[str, str]:
    """What the form of a page remembers of what it showed."""
    html = client.get(address).content.decode()
    tags = re.findall(r'<input type="hidden" name="initial-[^>]+>', html)
    return {
        re.search(r'name="([^"]+)', tag)[1]: (re.search(r'value="([^"]+)', tag) or ["", ""])[1]
        for tag in tags
    }


def test_a_form_left_as_it_was_takes_no_picture_out_of_the_mole_chosen_meanwhile(
    client, alice, mole
):
    record = RecordFactory(owner=alice)
    stale = hidden(client, page("record_mole", record))
    client.post(page("record_mole", record), {"mole": mole.pk})
    client.post(page("record_mole", record), {"mole": "", **stale})
    assert MoleRecord.objects.get().mole == mole


def test_another_place_takes_no_name_back_that_was_given_meanwhile(client, mole):
    stale = hidden(client, page("mole_edit", mole))
    client.post(page("mole_edit", mole), {"name": "collar", "body_site": "shoulder"})
    client.post(page("mole_edit", mole), {"name": "left shoulder", "body_site": "neck", **stale})
    mole.refresh_from_db()
    assert (mole.name, mole.body_site) == ("collar", "neck")


def test_a_picture_does_not_move_to_a_mole_of_bob(client, alice, bob, mole):
    record = RecordFactory(owner=alice, mole=mole)
    response = client.post(page("record_mole", record), {"mole": MoleFactory(owner=bob).pk})
    assert response.status_code == 400
    assert MoleRecord.objects.get().mole == mole


def test_the_reminder(client, mole):
    client.post(page("mole_reminder", mole), {"remind_after_days": "91"})
    assert Mole.objects.get().remind_after_days == 91
    client.post(page("mole_reminder", mole), {"remind_after_days": "5"})
    assert Mole.objects.get().remind_after_days == 91


def test_deleting_a_mole_asks_for_the_password_and_leaves_nothing_of_it(
    client, alice, dr_chen, mole, stored_files, django_capture_on_commit_callbacks
):
    ReviewFactory(record=assessed("benign", owner=alice, mole=mole), doctor=dr_chen)
    other = RecordFactory(owner=alice)
    address = page("mole_delete", mole)
    assert "can’t be undone" in client.get(address).content.decode()
    asked = client.post(address)
    assert asked.url.startswith(reverse("account_reauthenticate"))
    assert Mole.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):
        # The deletion goes on by itself.
        client.post(asked.url, {"password": PASSWORD, "next": address})
    assert not Mole.objects.exists()
    assert MoleRecord.objects.get() == other
    assert not Review.objects.exists()
    assert len(stored_files()) == 1


@pytest.mark.parametrize(
    "name",
    ["mole_detail", "mole_edit", "mole_delete", "mole_reminder", "mole_report", "mole_share"],
)
def test_alice_does_not_find_the_mole_of_bob(client, alice, bob, name):
    client.force_login(alice)
    confirm_password(client)
    mole = MoleFactory(owner=bob)
    for send in (client.get, client.post):
        assert send(page(name, mole)).status_code in (404, 405)
    assert Mole.objects.get() == mole


@pytest.mark.parametrize("name", ["record_mole", "record_report", "record_share"])
def test_alice_does_not_find_the_record_of_bob(client, alice, bob, name):
    client.force_login(alice)
    assert client.get(page(name, RecordFactory(owner=bob))).status_code == 404


def test_who_is_not_signed_in_is_asked_to(client, alice):
    address = page("mole_delete", MoleFactory(owner=alice))
    assert client.post(address).url == f"{reverse('account_login')}?next={address}"
