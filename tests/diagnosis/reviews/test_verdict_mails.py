"""The person hears by e-mail that a doctor has looked, and nothing of what was found."""

from unittest.mock import Mock

import pytest
from django.core.mail import EmailMessage
from django.db import DatabaseError

from diagnosis.models import Review
from diagnosis.reviews import verdicts
from tests.factories import ReviewFactory, assessed


def write(record, doctor):
    return verdicts.write(
        record=record,
        doctor=doctor,
        risk_category="malignant_high_risk",
        diagnosis="mel",
        urgency="doctor_days",
        comment="Please come this week.",
    )


def test_the_person_is_told_once_and_nothing_medical(alice, dr_chen, mailoutbox, settings):
    record = assessed(owner=alice)
    write(record, dr_chen)
    [message] = mailoutbox
    assert message.to == [alice.email]
    assert f"{settings.SITE_URL}/records/{record.pk}/" in message.body
    for word in ("melanoma", "malignant", "mole:", "days", "Please come", "dr_chen", "alice"):
        assert word not in message.subject + message.body


def test_verdict_and_e_mail_are_stored_together_or_not_at_all(alice, dr_chen, monkeypatch):
    record = assessed(owner=alice)
    with monkeypatch.context() as broken:
        broken.setattr(EmailMessage, "send", Mock(side_effect=DatabaseError))
        with pytest.raises(DatabaseError):
            write(record, dr_chen)
    assert not Review.objects.exists()
    write(record, dr_chen)


@pytest.mark.parametrize("field", ["verdict_emails", "is_active"])
def test_who_wants_none_or_has_gone_gets_none(alice, dr_chen, mailoutbox, field):
    setattr(alice, field, False)
    alice.save()
    write(assessed(owner=alice), dr_chen)
    assert not mailoutbox


def test_a_corrected_verdict_is_news(alice, dr_chen, mailoutbox):
    review = ReviewFactory(record=assessed(owner=alice), doctor=dr_chen)
    verdicts.correct(review=review, by=dr_chen, urgency="doctor_weeks")
    assert [message.to for message in mailoutbox] == [[alice.email]]
