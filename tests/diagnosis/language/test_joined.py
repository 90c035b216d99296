"""Words that are put together: large where a sentence begins, small within it."""

import html
import io
import re

import pytest
from django.urls import reverse
from django.utils import timezone, translation
from pypdf import PdfReader

from diagnosis.models import MoleRecord
from diagnosis.sharing import links
from tests.factories import (
    MoleFactory,
    ReviewFactory,
    UserFactory,
    assessed,
    program_of,
    sitting,
)

SIGNS = {
    "en": "It itches, it bleeds",
    "fr": "Il démange, il saigne",
    "nl": "Ze jeukt, ze bloedt",
    "de": "Es juckt, es blutet",
}


def text(page: bytes) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub("<[^>]*>", " ", page.decode())))


def printed(pdf: bytes) -> str:
    pages = PdfReader(io.BytesIO(pdf)).pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))


@pytest.fixture
def record(alice, dr_chen):
    record = assessed(
        "benign", owner=alice, mole=MoleFactory(owner=alice), signs=["itching", "bleeding"]
    )
    ReviewFactory(
        record=record, doctor=dr_chen, risk_category="benign", diagnosis="bkl", comment="Come in."
    )
    return record


@pytest.fixture
def read(client):
    """read(address, person, language): what stands on the page."""

    def page(address: str, person, language: str = "en", **query: str) -> bytes:
        person.language = language
        person.save()
        client.force_login(person)
        client.cookies["django_language"] = language
        return client.get(address, query).content

    return page


@pytest.mark.parametrize("language", SIGNS)
def test_several_signs_are_one_sentence(read, record, alice, dr_chen, language):
    mole = reverse("diagnosis:mole_detail", args=[record.mole.pk])
    assert SIGNS[language] in text(read(mole, alice, language))
    report = reverse("diagnosis:record_report", args=[record.pk])
    assert SIGNS[language] in printed(read(report, alice, language))
    key = links.key(links.create(owner=alice, days=7, record=record))
    assert SIGNS[language] in text(read(reverse("diagnosis:shared"), alice, language, key=key))
    review = reverse("admin:diagnosis_molerecord_change", args=[record.pk])
    assert SIGNS[language] in text(read(review, dr_chen, language))


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Benign. Benign keratosis. Come in."),
        ("fr", "Bénin. Kératose bénigne. Come in."),
        ("nl", "Goedaardig. Goedaardige keratose. Come in."),
        ("de", "Gutartig. Gutartige Keratose. Come in."),
    ],
)
def test_a_diagnosis_begins_as_a_sentence(read, record, alice, language, said):
    key = links.key(links.create(owner=alice, days=7, record=record))
    assert said in text(read(reverse("diagnosis:shared"), alice, language, key=key))
    report = printed(read(reverse("diagnosis:record_report", args=[record.pk]), alice, language))
    assert f"{said.split('. ')[1]} Come in." in report


def test_a_comment_that_ends_with_a_full_stop_gets_no_second_one(record, alice):
    fhir = f"/api/v1/fhir/DiagnosticReport/{record.pk}"
    said = program_of(alice).get(fhir).json()["conclusion"]
    assert "; benign keratosis; Come in. The program: " in said


def test_the_report_says_of_each_picture_its_kind_and_what_it_gives(read, alice):
    record = sitting("benign", "benign", together="benign", owner=alice)
    address = reverse("diagnosis:record_report", args=[record.pk])
    kind = "Picture 2 · Taken with a phone or a camera"
    assert f"{kind}: No warning sign found. " in printed(read(address, alice)) + " "
    MoleRecord.objects.update(stale_since=timezone.now())
    assert f"{kind} " in printed(read(address, alice)) + " "


@pytest.mark.parametrize(
    ("language", "kind"),
    [
        ("en", "Version test, taken with a phone or a camera: 1 answer"),
        ("fr", "Version test, prise avec un téléphone"),
        ("nl", "Versie test, gemaakt met een telefoon"),
        ("de", "Version test, mit Handy"),
    ],
)
def test_the_kind_within_a_sentence_is_small(read, record, language, kind):
    doctor = UserFactory(role="doctor", is_staff=True, display_name="dr_singh")
    page = reverse("admin:diagnosis_assessment_changelist")
    assert kind in text(read(page, doctor, language, modality="photo"))


@pytest.mark.parametrize("language", SIGNS)
def test_each_kind_of_mails_stands_on_a_line_of_its_own(read, alice, language):
    with translation.override(language):
        kinds = [
            translation.gettext(kind)
            for kind in ("Reminders", "A doctor’s answers, and what is found later")
        ]
    account = read(reverse("accounts:account"), alice, language).decode()
    assert "<br>".join(kinds) in html.unescape(account)
    alice.reminder_emails = False
    account = read(reverse("accounts:account"), alice, language).decode()
    assert f"<dd>{kinds[1]}</dd>" in html.unescape(account)
