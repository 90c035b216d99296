"""A result says when nothing like its picture was tested."""

from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from diagnosis.models import Assessment
from tests.factories import MoleFactory, UserFactory, assessed

CALLOUT = "This was not tested on pictures like yours"


def page(client, record) -> str:
    client.force_login(record.owner)
    return client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()


@pytest.mark.parametrize("body_site", ["nail", "palm", "sole", "mucosa", "genital"])
def test_places_that_the_test_pictures_lack(client, alice, body_site):
    mole = MoleFactory(owner=alice, body_site=body_site)
    assert CALLOUT in page(client, assessed(owner=alice, mole=mole))


def test_children(client, db):
    born = timezone.localdate() - timedelta(days=17 * 365)
    child = UserFactory(date_of_birth=born)
    assert CALLOUT in page(client, assessed(owner=child))
    # Nobody knows of whom a clinic's pictures are.
    assert CALLOUT not in page(client, assessed(owner=child, origin="import"))


def test_dark_skin(client, alice):
    record = assessed(owner=alice)
    Assessment.objects.filter(record=record).update(warnings=["dark_skin"])
    text = page(client, record)
    assert CALLOUT in text
    assert "A better picture could give a surer answer" not in text


def test_a_grown_up_s_back_was_tested(client, db):
    alice = UserFactory(date_of_birth=date(1980, 1, 1))
    mole = MoleFactory(owner=alice, body_site="back")
    assert CALLOUT not in page(client, assessed(owner=alice, mole=mole))
