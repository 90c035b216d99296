"""Records as resources of FHIR R4 (4.0.1, https://hl7.org/fhir/R4/): plain dictionaries.

A report is ``preliminary`` while only the program has answered, and ``final`` once a doctor has.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Case, F, OuterRef, Subquery, When
from django.db.models.functions import Coalesce, Greatest, Now
from django.utils.html import escape
from django.utils.text import capfirst
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from accounts.models import User
from diagnosis.language import results, terms, verdicts
from diagnosis.moles.models import OVERDUE, Mole
from diagnosis.records.models import Assessment, MoleRecord, Picture
from diagnosis.records.querysets import RecordQuerySet
from ml import codes

if TYPE_CHECKING:
    from diagnosis.reviews.models import Review

Resource = dict[str, Any]

HL7 = "http://terminology.hl7.org/CodeSystem"
BODY_SITE_EXTENSION = "http://hl7.org/fhir/StructureDefinition/bodySite"
UCUM = "http://unitsofmeasure.org"
NARRATIVE = '<div xmlns="http://www.w3.org/1999/xhtml"><p>{}</p></div>'
# What our Observations observe; with the taxonomy's codes, the concepts of CodeSystem/mole-check.
CATEGORY, MALIGNANCY, DIAGNOSES, VERDICT = "risk-category", "malignancy", "diagnoses", "verdict"
OBSERVED = {
    CATEGORY: "Risk category by the program",
    MALIGNANCY: "Probability of malignancy by the program",
    DIAGNOSES: "Probability of each diagnosis by the program",
    VERDICT: "Verdict of a doctor",
}
PARTS = {"urgency": "How soon", "diagnosis": "Diagnosis", "advice": "Advice"}  # of what is observed
# What FHIR's strings, XML and DICOM do not hold: control characters, and two that are none.
UNSENDABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
SYSTEM_ID = "mole-check"


def system() -> str:
    """The canonical address of our own codes, at which they are also read."""
    return f"{settings.SITE_URL}/api/v1/fhir/CodeSystem/{SYSTEM_ID}"


def report(record: MoleRecord) -> Resource:
    """The record as DiagnosticReport."""
    reviews = list(record.reviews.all())
    conclusion = " ".join(conclusions(record, reviews))
    observed = [{"reference": f"Observation/{each['id']}"} for each in observations(record)]
    return _compact(
        {
            "resourceType": "DiagnosticReport",
            "id": str(record.pk),
            "meta": {"lastUpdated": _moment(last_updated(record))},
            "language": language(),
            "text": {"status": "generated", "div": NARRATIVE.format(escape(conclusion))},
            "status": _status(record),
            "category": [_concept(f"{HL7}/v2-0074", "IMG", "Diagnostic Imaging")],
            "code": {"text": _("Picture of a skin lesion")},
            "subject": subject(record),
            "effectiveDateTime": _moment(record.created_at),
            "issued": _moment(last_updated(record)) if record.finished_at else None,
            "performer": [{"display": name} for name in dict.fromkeys(map(name_of, reviews))],
            "result": observed,
            "media": [{"link": {"reference": f"Media/{one.pk}"}} for one in record.pictures],
            "conclusion": conclusion,
            "conclusionCode": [_found(one) for one in reviews if not _overtaken(record, one)],
        }
    )


def _status(record: MoleRecord) -> str:
    """As ``fhir_search.STATUSES`` asks for it: no system drops a failed check that waits for a
    doctor by what was noticed, or a doctor asked before."""
    if verdicts.is_settled(record):
        return "final"
    if record.state in MoleRecord.ASSESSED:
        return "preliminary"
    is_wanted = record.is_pending or record.danger or record.asked_before or record.is_reviewed
    return "registered" if is_wanted else "cancelled"


def conclusions(record: MoleRecord, reviews: "Iterable[Review]") -> list[str]:
    """What pages say of it, in sentences: the doctors' verdicts, then the program's answer.

    The answer first where something that asks for more came after the newest verdict.
    """
    of_doctors, answer = _verdicts(reviews), _answer(record)
    if overtaken := verdicts.overtaken(record):
        return [overtaken, *answer, *of_doctors]
    return [*of_doctors, *answer]


def _verdicts(reviews: "Iterable[Review]") -> list[str]:
    sentences: list[str] = []
    for review in reviews:
        said = verdicts.verdict(review)
        words = (said.heading, said.group, review.diagnosis_in_words, review.comment)
        sentence = (
            _("%(doctor)s, doctor: %(said)s.") if review.signature else _("A doctor: %(said)s.")
        )
        listed = UNSENDABLE.sub(" ", "; ".join(str(each) for each in words if each))
        sentence %= {"doctor": review.signature, "said": listed.rstrip(".")}
        sentences.append(f"{_('Earlier verdict')} · {sentence}" if sentences else sentence)
    return sentences


def _answer(record: MoleRecord) -> list[str]:
    answer = results.answer(record)
    if answer is None:
        # What needs a doctor does not wait for an answer, here as on pages.
        return [
            f"{results.tag_of_program(record)['words']}.",
            *filter(None, [results.alarm_without_answer(record)]),
        ]
    return [
        _("The program: %(heading)s.") % {"heading": answer.heading},
        *map(str, answer.beside),
        # What pages say around each answer, a system would not see.
        _(
            "The program's answer is not a diagnosis. It comes from a proof of concept, "
            "not an approved medical device, and can be wrong."
        ),
    ]


def name_of(review: "Review") -> str:
    """Of the doctor, whose account may have none."""
    return review.signature or _("A doctor")


def observations(record: MoleRecord) -> list[Resource]:
    """What the program said of the picture, and each verdict of a doctor."""
    found = []
    if assessment := record.current_assessment:
        found.append(_category(record, assessment))
        if assessment.usable:
            found += [_malignancy(record, assessment), _diagnoses(record, assessment)]
    return found + [_verdict(record, review) for review in record.reviews.all()]


def _category(record: MoleRecord, assessment: Assessment) -> Resource:
    """With the advice that holds, unless it is calm before a comparison is made, and the sentences
    around it: signs and changes may say more."""
    observed = _by_program(record, assessment, CATEGORY) | {
        "note": [{"text": sentence} for sentence in _answer(record)],
    }
    advice = results.advice_that_holds(assessment, record)
    if not results.is_withheld(advice, record):
        advised = _own(advice, terms.ADVICE[advice])
        observed["component"] = [
            {"code": _own("advice", PARTS["advice"]), "valueCodeableConcept": advised}
        ]
    if assessment.risk_category is None:
        reasons = [str(terms.REASONS[code]) for code in assessment.reasons if code in terms.REASONS]
        absent = _concept(f"{HL7}/data-absent-reason", "not-performed", "Not Performed")
        absent["text"] = " ".join([_("The picture can't be judged."), *reasons])
        return observed | {"dataAbsentReason": absent}
    observed["valueCodeableConcept"] = _own(
        assessment.risk_category, terms.RISK_CATEGORIES[assessment.risk_category]
    )
    if assessment.uncertain:
        uncertain = _concept(f"{HL7}/v3-ObservationInterpretation", "IND", "Indeterminate")
        uncertain["text"] = results.not_sure(assessment)
        observed["interpretation"] = [uncertain]
    return observed


def _malignancy(record: MoleRecord, assessment: Assessment) -> Resource:
    value = {"valueQuantity": _probability(assessment.malignancy)}
    return _by_program(record, assessment, MALIGNANCY) | value


def _diagnoses(record: MoleRecord, assessment: Assessment) -> Resource:
    parts = [
        {"code": _diagnosis(diagnosis), "valueQuantity": _probability(probability)}
        for diagnosis, probability in assessment.diagnoses.items()
    ]
    return _by_program(record, assessment, DIAGNOSES) | {"component": parts}


def _verdict(record: MoleRecord, review: "Review") -> Resource:
    overtaken = _overtaken(record, review)
    note = {"note": [{"text": overtaken}]} if overtaken else {}
    observed = _observation(record, VERDICT, f"{VERDICT}-{review.pk}") | note
    return observed | {
        "status": "final",
        "issued": _moment(review.news_since),
        "performer": [{"display": name_of(review)}],
        "valueCodeableConcept": _own(
            review.risk_category, terms.RISK_CATEGORIES[review.risk_category]
        ),
        "component": [
            {"code": _own("urgency", PARTS["urgency"]), "valueCodeableConcept": _urgency(review)},
            *(
                [{"code": _own("diagnosis", PARTS["diagnosis"]), "valueCodeableConcept": named}]
                if (named := _named(review))
                else []
            ),
        ],
    }


def _overtaken(record: MoleRecord, review: "Review") -> str:
    """Say what goes before this verdict: a later one, or what came after a calm one; or empty."""
    if review != next(iter(record.reviews.all())):
        return _("Earlier verdict")
    return verdicts.overtaken(record) if review.urgency == "none" else ""


def _urgency(review: "Review") -> Resource:
    """How soon, by the codes of the program's advice: systems compare the two."""
    name = terms.ADVICE.get(review.urgency) or terms.URGENCIES[review.urgency]
    return _own(review.urgency, name) | {"text": str(review.get_urgency_display())}


def _by_program(record: MoleRecord, assessment: Assessment, what: str) -> Resource:
    return _observation(record, what, f"{what}-{record.pk}") | {
        "status": "preliminary",
        "issued": _moment(assessment.created_at),
        "device": {"reference": f"Device/{device_id(assessment.model_version)}"},
        "note": [{"text": _("By a program: not a diagnosis.")}],
    }


def _observation(record: MoleRecord, what: str, pk: str) -> Resource:
    return _compact(
        {
            "resourceType": "Observation",
            "id": pk,
            "extension": _structure(record),
            "language": language(),
            "category": [_concept(f"{HL7}/observation-category", "imaging", "Imaging")],
            "code": _own(what, OBSERVED[what]),
            "subject": subject(record),
            "effectiveDateTime": _moment(record.created_at),
            "bodySite": record.mole and site(record.mole),
            "derivedFrom": [{"reference": f"Media/{one.pk}"} for one in record.pictures],
        }
    )


def media(record: MoleRecord, picture: Picture, base: str) -> Resource:
    """One of the record's pictures as Media; its bytes are at Binary/{id}."""
    return _compact(
        {
            "resourceType": "Media",
            "id": str(picture.pk),
            "extension": _structure(record),
            "status": "completed",
            "type": _concept(f"{HL7}/media-type", "image", "Image"),
            "modality": _own(picture.modality, terms.MODALITIES[picture.modality]),
            "subject": subject(record),
            "createdDateTime": _moment(record.created_at),
            "bodySite": record.mole and site(record.mole),
            "content": {
                "contentType": "image/jpeg",
                "url": f"{base}/Binary/{picture.pk}",
                "creation": _moment(record.created_at),
            },
        }
    )


def patient(person: User) -> Resource:
    """The person under the pseudonym, with the year of birth alone."""
    return _compact(
        {
            "resourceType": "Patient",
            "id": str(person.pk),
            "identifier": [{"system": f"{settings.SITE_URL}/pseudonym", "value": person.pseudonym}],
            "birthDate": str(person.date_of_birth.year) if person.date_of_birth else None,
        }
    )


def body_structure(mole: Mole) -> Resource:
    """The mole's place; its name is the person's own, and stays here."""
    return _compact(
        {
            "resourceType": "BodyStructure",
            "id": str(mole.pk),
            "active": True,
            "morphology": {"text": _("Mole or other skin lesion")},
            "location": site(mole),
            "patient": {"reference": f"Patient/{mole.owner_id}"},
        }
    )


def device(version: str) -> Resource:
    """One version of the model."""
    return {
        "resourceType": "Device",
        "id": device_id(version),
        "status": "active",
        "deviceName": [{"name": "Skincare mole check", "type": "model-name"}],
        "type": {"text": _("Software that compares pictures of skin lesions")},
        "version": [{"value": version}],
        "note": [{"text": _("A proof of concept, not an approved medical device.")}],
    }


def device_id(version: str) -> str:
    return f"model-{version}"


def code_system() -> Resource:
    """Our own codes, in English as they are defined."""
    with override("en"):
        concepts = [
            *OBSERVED.items(),
            *PARTS.items(),
            *(terms.URGENCIES | terms.ADVICE).items(),
            *terms.RISK_CATEGORIES.items(),
            *terms.DIAGNOSES.items(),
            *terms.MODALITIES.items(),
        ]
        return {
            "resourceType": "CodeSystem",
            "id": SYSTEM_ID,
            "url": system(),
            "name": "MoleCheck",
            "title": "Codes of the skincare mole check",
            "status": "active",
            "caseSensitive": True,
            "content": "complete",
            "concept": [{"code": code, "display": str(name)} for code, name in concepts],
        }


def subject(record: MoleRecord) -> Resource | None:
    """The person; of an imported or a drawn picture nobody knows whom it shows."""
    return {"reference": f"Patient/{record.owner_id}"} if record.is_of_its_owner else None


def site(mole: Mole) -> Resource | None:
    """The body site by SNOMED CT where that has one as wide, and in words."""
    if not mole.body_site:
        return None
    code = codes.BODY_SITES.get(mole.body_site)
    coding = {"coding": [_coding(code)]} if code else {}
    return coding | {"text": str(terms.BODY_SITES[mole.body_site])}


def last_updated(record: MoleRecord) -> datetime:
    """When something was said of it, or it was sent; of an overdue answer, since it is so."""
    said = [review.news_since for review in record.reviews.all()]
    if answer := record.current_assessment:
        said += filter(None, [answer.created_at, record.stale_since])
        if record.is_overdue and record.stale_since:
            said.append(record.stale_since + OVERDUE)
    return max([record.finished_at or record.created_at, *said])


def with_last_updated(records: RecordQuerySet, reader: User) -> RecordQuerySet:
    """Records with what ``last_updated`` says to ``reader``, for a filter; what is NULL does not
    count."""
    told = records.told(reader).filter(record=OuterRef("pk")).order_by("-news_since")
    return records.alias(
        last_updated=Greatest(
            Coalesce("finished_at", "created_at"),
            "current_assessment__created_at",
            Case(
                When(current_assessment__isnull=True, then=None),
                When(stale_since__lte=Now() - OVERDUE, then=F("stale_since") + OVERDUE),
                default="stale_since",
            ),
            Subquery(told.values("news_since")[:1]),
        )
    )


def _found(review: "Review") -> Resource:
    """What a doctor concluded: the diagnosis where one is named, else the group."""
    named = _named(review)
    return named or _own(review.risk_category, terms.RISK_CATEGORIES[review.risk_category])


def _named(review: "Review") -> Resource | None:
    """The diagnosis of a verdict, with the doctor's own code before those of our table."""
    if not review.diagnosis_in_words:
        return None
    concept = _diagnosis(review.diagnosis) if review.diagnosis else {}
    own = []
    if review.code:
        own = [{"system": _system_of(review.code), "code": review.code}]
    coding = own + [
        each
        for each in concept.get("coding", [])
        if each["system"] not in {code["system"] for code in own}
    ]
    return _compact({"coding": coding, "text": str(review.diagnosis_in_words)})


def _system_of(code: str) -> str:
    """As DIAGNOSIS_CODE tells them apart: digits alone are SNOMED CT's, a digit second ICD-10's."""
    if code.isdigit():
        return codes.SNOMED_CT
    return codes.ICD_10 if code[1].isdigit() else "http://id.who.int/icd/release/11/mms"


def _diagnosis(diagnosis: str) -> Resource:
    concept = _own(diagnosis, terms.DIAGNOSES[diagnosis])
    concept["coding"] += [_coding(code) for code in codes.DIAGNOSES[diagnosis]]
    return concept


def _own(code: str, name: Any) -> Resource:
    with override("en"):
        display = str(name)
    return _concept(system(), code, display) | {"text": capfirst(str(name))}


def _concept(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def _coding(code: codes.Code) -> Resource:
    return {"system": code.system, "code": code.code, "display": code.display}


def _probability(value: float) -> Resource:
    return {"value": round(value, 6), "unit": _("probability"), "system": UCUM, "code": "1"}


def _structure(record: MoleRecord) -> list[Resource]:
    """Which mole it is: R4 has no element for that, but this extension of its own."""
    if record.mole_id is None or subject(record) is None:
        return []
    reference = {"reference": f"BodyStructure/{record.mole_id}"}
    return [{"url": BODY_SITE_EXTENSION, "valueReference": reference}]


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def language() -> str:
    """The active language as BCP 47 writes it: en-GB."""
    name, _dash, region = (get_language() or settings.LANGUAGE_CODE).partition("-")
    return f"{name}-{region.upper()}" if region else name


def _compact(resource: Resource) -> Resource:
    """Without what is empty: FHIR knows neither null nor an empty list."""
    return {name: value for name, value in resource.items() if value not in (None, "", [])}
