"""Two doctors don't review the same record: one claims it, for a while."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from diagnosis.models import MoleRecord, Review
from diagnosis.reviews import claims, verdicts
from tests.diagnosis.reviews.conftest import VERDICT, address, post
from tests.factories import UserFactory, assessed, program_of

HIGH = "malignant_high_risk"
NEXT = reverse("admin:diagnosis_molerecord_next")


@pytest.fixture
def dr_diaz(db):
    return UserFactory(display_name="dr_diaz", role="doctor", is_staff=True)


def take(record, doctor):
    return claims.take(record_ids=[record.pk], doctor=doctor)


def holder(record):
    return MoleRecord.objects.get(pk=record.pk).holder


def expire(record):
    MoleRecord.objects.filter(pk=record.pk).update(review_claimed_until=timezone.now())


def test_of_two_doctors_one_has_the_record(alice, dr_chen, dr_diaz):
    record = assessed(owner=alice)
    assert take(record, dr_chen)
    assert not take(record, dr_diaz)
    assert take(record, dr_chen)
    assert holder(record) == dr_chen


def test_a_claim_ends_by_release_and_by_time(alice, dr_chen, dr_diaz):
    record = assessed(owner=alice)
    take(record, dr_chen)
    assert not claims.release(record_ids=[record.pk], doctor=dr_diaz)
    assert claims.release(record_ids=[record.pk], doctor=dr_chen)
    assert take(record, dr_diaz)
    expire(record)
    assert holder(record) is None
    assert take(record, dr_chen)


def test_a_person_claims_nothing(alice):
    record = assessed(owner=alice)
    with pytest.raises(PermissionDenied):
        take(record, alice)
    with pytest.raises(PermissionDenied):
        claims.take_next(doctor=alice)


def test_the_next_one_is_the_first_that_nobody_else_has(alice, dr_chen, dr_diaz):
    benign, high = assessed(owner=alice), assessed(HIGH, owner=alice)
    assessed(HIGH, owner=alice, origin="demo")
    assert claims.take_next(doctor=dr_chen) == high
    assert claims.take_next(doctor=dr_diaz) == benign
    assert claims.take_next(doctor=dr_chen) == high
    assert claims.take_next(doctor=dr_chen, skip=[high.pk]) is None


def test_doctors_who_ask_at_once_get_different_records(transactional_db, alice):
    for _record in range(8):
        assessed(owner=alice)
    doctors = [UserFactory(role="doctor", is_staff=True) for _doctor in range(4)]

    def ask(doctor):
        try:
            return [claims.take_next(doctor=doctor).pk]
        finally:
            connection.close()

    with ThreadPoolExecutor(len(doctors)) as pool:
        taken = [pk for pks in pool.map(ask, doctors) for pk in pks]
    assert len(set(taken)) == len(doctors)


def test_a_verdict_ends_the_claim_and_the_wait(alice, dr_chen):
    record = assessed(owner=alice)
    take(record, dr_chen)
    verdicts.write(record=record, doctor=dr_chen, risk_category="benign", urgency="none")
    assert holder(record) is None
    assert not MoleRecord.objects.awaiting_review().exists()


def test_nobody_writes_on_what_another_doctor_has_claimed(doctor, alice, dr_diaz):
    record = assessed(owner=alice)
    take(record, dr_diaz)
    html = doctor.get(address("change", record)).content.decode()
    assert "dr_diaz has claimed it (until" in html
    assert "Save and next" not in html
    assert b"Another doctor has claimed this record" in post(doctor, record, VERDICT).content
    assert not Review.objects.exists()


def test_what_was_written_meanwhile_is_shown_before_it_is_said_twice(doctor, alice, dr_diaz):
    record = assessed(HIGH, owner=alice)
    verdicts.write(record=record, doctor=dr_diaz, risk_category="benign", urgency="none")
    refused = post(doctor, record, VERDICT, known=0)
    assert b"a verdict was written meanwhile" in refused.content
    assert b"dr_diaz" in refused.content
    assert Review.objects.count() == 1
    again = refused.context["form"]["known"].value()
    assert post(doctor, record, VERDICT, known=again).status_code == 302
    assert Review.objects.count() == 2


def test_a_verdict_sent_twice_is_written_and_told_once(doctor, alice, dr_chen, mailoutbox):
    record = assessed(HIGH, owner=alice)
    told = []
    for _click in range(2):
        page = doctor.post(
            address("change", record), VERDICT | {"known": 0, "do": "stay"}, follow=True
        )
        told += [str(message) for message in page.context["messages"]]
    assert told == [
        "Your verdict is saved.",
        "This verdict of yours was saved before. Nothing was written a second time.",
    ]
    assert Review.objects.count() == len(mailoutbox) == 1
    assert holder(record) is None
    # From another tab: nobody else wrote it, and one of the doctor's own is saved.
    refused = post(doctor, record, VERDICT, comment="Another one.").content
    assert b"or a verdict was written meanwhile. What you wrote here is not saved yet." in refused
    assert post(doctor, record, VERDICT, known=1).status_code == 302  # said again on purpose
    assert Review.objects.count() == 2


def test_a_verdict_sent_twice_is_known_again_whatever_was_said_meanwhile(doctor, alice):
    record = assessed(HIGH, owner=alice)
    form = doctor.get(address("change", record)).context["form"]
    sent = VERDICT | {"known": 0, "shown": form["shown"].value(), "do": "stay"}
    doctor.post(address("change", record), sent)
    said = {"note": "It got darker."}
    answer = program_of(alice).patch(f"/api/v1/records/{record.pk}/", said, format="json")
    assert answer.status_code == 200
    page = doctor.post(address("change", record), sent, follow=True)
    *_others, told = page.context["messages"]
    assert str(told) == (
        "This verdict of yours was saved before. Nothing was written a second time."
    )
    assert Review.objects.count() == 1


def test_save_and_next_goes_through_the_queue(doctor, alice, dr_chen):
    low, high = (assessed(category, owner=alice) for category in ("malignant_low_risk", HIGH))
    assert doctor.post(NEXT).url == address("change", high)
    assert holder(high) == dr_chen
    assert post(doctor, high, VERDICT).url == address("change", low)
    response = doctor.post(address("change", low), VERDICT | {"known": 0}, follow=True)
    assert "Nothing more to review." in [str(m) for m in response.context["messages"]]


def test_who_passes_over_a_record_gives_it_back_and_does_not_meet_it_again(
    doctor, alice, dr_chen, dr_diaz
):
    low, high = (assessed(category, owner=alice) for category in ("malignant_low_risk", HIGH))
    doctor.post(NEXT)
    assert doctor.post(address("change", high), {"do": "skip"}).url == address("change", low)
    assert take(high, dr_diaz)
    claims.release(record_ids=[high.pk], doctor=dr_diaz)
    response = doctor.post(address("change", low), {"do": "skip"}, follow=True)
    assert [str(m) for m in response.context["messages"]] == [
        "Nothing more to review, but 2 records that you passed over."
    ]
    assert doctor.post(NEXT).url == address("change", high)


def test_what_waits_with_colleagues_is_said_where_nothing_is_left(doctor, alice, dr_diaz, dr_chen):
    claimed, asked, skipped = (assessed(HIGH, owner=alice) for _ in range(3))
    take(claimed, dr_diaz)
    urgency = {"risk_category": "benign", "urgency": "none"}
    verdicts.write(record=asked, doctor=dr_chen, ask=dr_diaz, **urgency)
    response = doctor.post(address("change", skipped), {"do": "skip"}, follow=True)
    with_colleagues = "2 records that wait are with colleagues."
    assert [str(m) for m in response.context["messages"]] == [
        f"Nothing more to review, but 1 record that you passed over. {with_colleagues}"
    ]
    verdicts.write(record=skipped, doctor=dr_diaz, **urgency)
    response = doctor.post(address("change", skipped), {"do": "skip"}, follow=True)
    assert [str(m) for m in response.context["messages"]] == [
        f"Nothing more to review. {with_colleagues}"
    ]


def test_who_claims_keeps_what_was_typed(doctor, alice, dr_chen, dr_diaz):
    record = assessed(owner=alice)
    page = address("change", record)
    begun = {"known": 0, "do": "claim", "risk_category": "benign", "comment": "Nothing to fear."}
    html = doctor.post(page, begun).content.decode()
    assert "You have claimed it" in html
    assert "(until )" not in html
    for part in ("Nothing to fear.", 'value="benign"', "checked"):
        assert part in html
    assert "not saved yet" not in html
    claims.release(record_ids=[record.pk], doctor=dr_chen)
    take(record, dr_diaz)
    html = doctor.post(page, begun).content.decode()
    assert "Another doctor has claimed it." in html
    assert "Nothing to fear." in html


def test_claim_and_give_back_on_the_page(doctor, alice, dr_chen):
    record = assessed(owner=alice)
    doctor.post(address("change", record), {"do": "claim"})
    assert holder(record) == dr_chen
    doctor.post(address("change", record), {"do": "release"})
    assert holder(record) is None


def test_ones_own_record_is_none_to_claim_or_to_count(doctor, dr_chen):
    own = assessed(owner=dr_chen)
    page = reverse("admin:diagnosis_molerecord_changelist")
    chosen = {"_selected_action": [own.pk], "action": "claim_selected"}
    told = doctor.post(page, chosen, follow=True)
    assert [str(m) for m in told.context["messages"]] == ["You claimed 0 records."]
    assert claims.counts(dr_chen)["total"] == 0


def test_on_ones_own_record_there_is_nothing_to_pass_over(doctor, dr_chen, dr_diaz, alice):
    for owner, offered in ((dr_chen, False), (alice, True)):
        record = assessed(owner=owner)
        take(record, dr_diaz)
        page = doctor.get(address("change", record)).content.decode()
        assert ("Review another one" in page) == offered
        assert "dr_diaz has claimed it" in page


def test_claim_and_give_back_in_the_list(doctor, alice, dr_chen, dr_diaz):
    free, taken = assessed(owner=alice), assessed(owner=alice)
    take(taken, dr_diaz)
    chosen = {"_selected_action": [free.pk, taken.pk]}
    page = reverse("admin:diagnosis_molerecord_changelist")
    told = doctor.post(page, chosen | {"action": "claim_selected"}, follow=True)
    assert [str(m) for m in told.context["messages"]] == [
        "You claimed 1 record.",
        "The others were claimed by other doctors.",
    ]
    html = told.content.decode()
    assert "dr_chen, until" in html
    assert "dr_diaz, until" in html
    for kind, found in (("own", [free]), ("others", [taken]), ("free", [])):
        assert list(doctor.get(page, {"claim": kind}).context["cl"].result_list) == found
    doctor.post(page, chosen | {"action": "release_selected"})
    assert holder(free) is None
    assert holder(taken) == dr_diaz
