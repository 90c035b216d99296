"""Moles of one name in the lists to choose from: each says what tells it from the others."""

import html
import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from diagnosis.models import Mole
from diagnosis.sharing import links
from tests.factories import MoleFactory, RecordFactory

NEW, HISTORY = reverse("diagnosis:record_new"), reverse("diagnosis:history")


def offered(client, address: str) -> dict[str, str]:
    """The moles to choose from on a page: id to label."""
    page = client.get(address).content.decode()
    select = re.search(r'<select name="mole".*?</select>', page, re.DOTALL)[0]
    options = re.findall(r'<option value="([^"]+)"[^>]*>([^<]*)<', select)
    return {value: html.unescape(label) for value, label in options}


def seen(mole: Mole, day: int) -> Mole:
    """The mole with a picture of that day of May 2026, UTC."""
    at = datetime(2026, 5, day, 12, tzinfo=ZoneInfo("UTC"))
    mole.records.filter(pk=RecordFactory(owner=mole.owner, mole=mole).pk).update(created_at=at)
    return mole


@pytest.fixture
def doors(client, alice) -> list[str]:
    client.force_login(alice)
    record = RecordFactory(owner=alice)
    of_record = ("diagnosis:record_mole", "diagnosis:record_answers")
    return [NEW, HISTORY, *(reverse(name, args=[record.pk]) for name in of_record)]


def test_names_that_nobody_else_has_stay_as_they_are(client, alice, bob, doors):
    mole = seen(MoleFactory(owner=alice, name="Dark one", body_site="back"), 3)
    MoleFactory(owner=alice, name="Dark one 2", body_site="back")
    MoleFactory(owner=bob, name="Dark one", body_site="hand")
    for door in doors:
        assert set(offered(client, door).values()) == {"Dark one", "Dark one 2"}, door
        assert offered(client, door)[str(mole.pk)] == "Dark one"


@pytest.mark.parametrize(
    ("language", "hand", "back", "third", "fourth"),
    [
        ("en", "Hand", "Back", "3 May 2026", "4 May 2026"),
        ("fr", "Main", "Dos", "3 mai 2026", "4 mai 2026"),
        ("de", "Hand", "Rücken", "3. Mai 2026", "4. Mai 2026"),
    ],
)
def test_of_one_name_place_then_day_then_a_number_tell_apart(
    client, alice, doors, language, hand, back, third, fourth
):
    moles = {
        seen(MoleFactory(owner=alice, name="dark one", body_site="hand"), 3): f"dark one · {hand}",
        seen(MoleFactory(owner=alice, name="Dark one", body_site="back"), 3): (
            f"Dark one · {back} · {third} · 1"
        ),
        seen(MoleFactory(owner=alice, name="Dark One ", body_site="back"), 3): (
            f"Dark One  · {back} · {third} · 2"
        ),
        seen(seen(MoleFactory(owner=alice, name="Dark one", body_site="back"), 3), 4): (
            f"Dark one · {back} · {fourth}"
        ),
        MoleFactory(owner=alice, name="Dark one", body_site="back"): f"Dark one · {back}",
        MoleFactory(owner=alice, name="Dark one", body_site=""): "Dark one",
    }
    client.cookies["django_language"] = language
    for door in doors:
        assert offered(client, door) == {str(mole.pk): label for mole, label in moles.items()}, door


def test_the_list_of_links_tells_them_apart(client, alice):
    client.force_login(alice)
    for site in ("back", "hand"):
        mole = MoleFactory(owner=alice, name="Dark one", body_site=site)
        RecordFactory(owner=alice, mole=mole)
        links.create(owner=alice, days=7, mole=mole)
    page = client.get(reverse("diagnosis:shares")).content.decode()
    assert set(re.findall("<h2>(.*?)</h2>", page)) == {"Dark one · Back", "Dark one · Hand"}
