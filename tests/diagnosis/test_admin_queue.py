"""The list of records in the admin: a review queue."""

import pytest
from django.urls import reverse

from tests.factories import RecordFactory, ReviewFactory, assessed

LIST = reverse("admin:diagnosis_molerecord_changelist")


@pytest.fixture
def doctor(client, dr_chen):
    client.force_login(dr_chen)
    return client


def shown(client, **query):
    response = client.get(LIST, query)
    assert response.status_code == 200
    return list(response.context["cl"].result_list)


def test_the_most_dangerous_and_longest_waiting_come_first(doctor, alice):
    benign, low, high, later_high = (
        assessed(category, owner=alice)
        for category in (
            "benign",
            "malignant_low_risk",
            "malignant_high_risk",
            "malignant_high_risk",
        )
    )
    assert shown(doctor) == [high, later_high, low, benign]


def test_the_queue_holds_what_waits_for_a_review(doctor, alice, dr_chen):
    reviewed, waiting = assessed(owner=alice), assessed(owner=alice)
    ReviewFactory(record=reviewed, doctor=dr_chen)
    unusable, failed = assessed(None, owner=alice), RecordFactory(owner=alice, failed=True)
    assert shown(doctor) == [waiting]
    assert shown(doctor, review="reviewed") == [reviewed]
    assert set(shown(doctor, review="all")) == {reviewed, waiting, unusable, failed}


def test_filters_and_search(doctor, alice, bob):
    risky = assessed("malignant_high_risk", owner=alice, note="on the shoulder")
    harmless = assessed(owner=bob)
    category = "current_assessment__risk_category"
    assert shown(doctor, **{category: "malignant_high_risk"}) == [risky]
    assert shown(doctor, q="shoulder") == [risky]
    assert shown(doctor, q=str(harmless.pk)) == [harmless]
    assert shown(doctor, q=str(bob.pk)) == [harmless]


def test_people_are_shown_by_pseudonym_only(doctor, alice):
    record = assessed(owner=alice)
    page = reverse("admin:diagnosis_molerecord_change", args=[record.pk])
    for address in (LIST, page):
        html = doctor.get(address).content.decode()
        assert f"P-{alice.pk.hex[:8]}" in html
        assert "alice" not in html


@pytest.mark.parametrize("count", [1, 30])
def test_the_list_takes_a_constant_number_of_queries(
    doctor, alice, count, django_assert_num_queries
):
    for _record in range(count):
        assessed(owner=alice)
    with django_assert_num_queries(8):
        assert len(shown(doctor)) == count
