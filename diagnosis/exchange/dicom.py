"""Records as DICOM objects (PS3.3): the picture, and what was said of it.

The picture is a VL Photographic Image, or a Dermoscopic Photography Image (A.32.11), with the
stored JPEG inside, untouched; the report is a Basic Text SR that refers to it. Each has the same
unique identifier whenever it is asked for, until it says something else: an archive keeps what it
has under one.
"""

import io
import re
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from PIL import Image, JpegImagePlugin
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    DermoscopicPhotographyImageStorage,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    VLPhotographicImageStorage,
)

from diagnosis import media
from diagnosis.exchange import fhir
from diagnosis.language import results, verdicts
from diagnosis.records.models import MoleRecord, Picture
from ml import codes

MAKER = "Skincare mole check"
UTF_8 = "ISO_IR 192"
# PS3.16, CID 7000 and CID 7001
REPORT = ("18748-4", "LN", "Diagnostic Imaging Report")
CONCLUSION = ("121077", "DCM", "Conclusion")
SOURCE_IMAGE = ("121112", "DCM", "Source of Measurement")
LANGUAGE = ("121049", "DCM", "Language of Content Item and Descendants")


def picture(record: MoleRecord, of: Picture) -> bytes:
    """One of the record's pictures as a DICOM file. Raises what ``media.read`` does."""
    jpeg = media.read(of.image)
    with Image.open(io.BytesIO(jpeg)) as image:
        width, height = image.size
        is_subsampled = JpegImagePlugin.get_sampling(image) != 0
    found = _object(record, _kind(of), "picture", JPEGBaseline8Bit)
    _name(found, _picture_uid(of))
    found.InstanceNumber = 1 + [one.pk for one in record.pictures].index(of.pk)
    if of.modality == "dermoscopy":
        found.Modality = "DMS"
        _add_dermoscopy(found, record)
    else:
        found.Modality = "XC"  # external-camera photography
    found.SeriesInstanceUID = _series(record, of.modality)
    found.SeriesNumber = 1 if of.modality == record.modality else 3  # 2 is the report's
    found.SeriesDescription = of.modality
    found.ImageType = ["DERIVED", "PRIMARY"]  # turned upright and reduced before it was stored
    # Which side, and which way up: nobody has said.
    found.Laterality = found.PatientOrientation = ""
    found.AcquisitionContextSequence = []
    found.SamplesPerPixel, found.PlanarConfiguration = 3, 0
    # PS3.5, 8.2.1: what JPEG with fewer samples of colour is called, however many fewer.
    found.PhotometricInterpretation = "YBR_FULL_422" if is_subsampled else "YBR_FULL"
    found.Rows, found.Columns = height, width
    found.BitsAllocated, found.BitsStored, found.HighBit = 8, 8, 7
    found.PixelRepresentation = 0
    found.LossyImageCompression = "01"
    found.LossyImageCompressionRatio = f"{width * height * 3 / len(jpeg):.2f}"
    found.LossyImageCompressionMethod = "ISO_10918_1"
    if record.mole and (site := codes.BODY_SITES.get(record.mole.body_site)):
        found.AnatomicRegionSequence = [_code(site.code, "SCT", site.display)]
    found.PixelData = encapsulate([jpeg])
    return _written(found)


def report(record: MoleRecord) -> bytes:
    """What doctors and program said of the picture, as sentences in a DICOM file."""
    found = _object(record, BasicTextSRStorage, "report", ExplicitVRLittleEndian)
    reviews = list(record.reviews.all())
    found.Modality = "SR"
    found.SeriesNumber = 2
    found.ReferencedPerformedProcedureStepSequence = []
    found.PerformedProcedureCodeSequence = []
    is_verified = verdicts.is_settled(record)
    is_answered = record.state == record.State.DONE
    is_settled = record.is_compared and not record.is_stale
    is_complete = is_verified or (is_answered and is_settled)
    found.CompletionFlag = "COMPLETE" if is_complete else "PARTIAL"
    if not is_complete and not is_answered:
        found.CompletionFlagDescription = str(results.STATES[record.state])
    elif not is_complete and results.is_left_uncounted(record):
        found.CompletionFlagDescription = str(results.UNCOUNTED)
    found.VerificationFlag = "VERIFIED" if is_verified else "UNVERIFIED"
    if is_verified:
        of_each = {review.doctor_id: review for review in reversed(reviews)}  # the newest
        found.VerifyingObserverSequence = [_verifier(of) for of in reversed(of_each.values())]
    found.CurrentRequestedProcedureEvidenceSequence = [_evidence(record)]
    found.ValueType = "CONTAINER"
    found.ContinuityOfContent = "SEPARATE"
    found.ConceptNameCodeSequence = [_code(*REPORT)]
    language = _item("HAS CONCEPT MOD", "CODE", LANGUAGE)
    code = fhir.language()
    language.ConceptCodeSequence = [_code(code, "RFC5646", code)]
    found.ContentSequence = [language]
    for one in record.pictures:
        shown = Dataset()
        shown.RelationshipType, shown.ValueType = "CONTAINS", "IMAGE"
        shown.ConceptNameCodeSequence = [_code(*SOURCE_IMAGE)]
        shown.ReferencedSOPSequence = [_reference(one)]
        found.ContentSequence.append(shown)
    for sentence in fhir.conclusions(record, reviews):
        said = _item("CONTAINS", "TEXT", CONCLUSION)
        said.TextValue = sentence
        found.ContentSequence.append(said)
    _name(found, _uid(record, found.to_json()))
    return _written(found)


def _kind(picture: Picture) -> UID:
    is_dermoscopy = picture.modality == "dermoscopy"
    return DermoscopicPhotographyImageStorage if is_dermoscopy else VLPhotographicImageStorage


def _add_dermoscopy(found: FileDataset, record: MoleRecord) -> None:
    """Add what A.32.11 asks for beyond a photograph.

    The modules Dermoscopic Image (C.8.12.13), of a device of which nobody has said anything;
    Enhanced General Equipment (C.7.5.2), of this service; Frame of Reference (C.7.4.1).
    """
    # Nobody looked for what tells who it is, such as fingerprints: the careful answer.
    found.RecognizableVisualFeatures = "YES"
    found.LightSourcePolarization = found.ContactMethod = ""
    found.EmitterColorTemperature = found.OpticalMagnificationFactor = None
    found.ManufacturerModelName = MAKER
    found.DeviceSerialNumber = (urlsplit(settings.SITE_URL).hostname or MAKER)[:64]
    # Of what writes this object, not of the model: at every release it has the same content.
    found.SoftwareVersions = "1"
    found.FrameOfReferenceUID = _uid(record, "frame of reference")
    found.PositionReferenceIndicator = ""


def _object(record: MoleRecord, kind: UID, role: str, syntax: UID) -> FileDataset:
    """What every object says of itself, its study and its person, who has a pseudonym."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = kind, _uid(record, role)
    meta.TransferSyntaxUID = syntax
    found = FileDataset(io.BytesIO(), {}, file_meta=meta, preamble=b"\0" * 128)
    found.SpecificCharacterSet, found.TimezoneOffsetFromUTC = UTF_8, "+0000"
    found.SOPClassUID, found.SOPInstanceUID = kind, _uid(record, role)
    known = fhir.subject(record) is not None
    found.PatientID = found.PatientName = record.owner.pseudonym if known else ""
    found.PatientBirthDate = found.PatientSex = ""
    found.StudyInstanceUID = _uid(record, "study")
    found.StudyDate, found.StudyTime = _moment(record.created_at)
    found.ReferringPhysicianName = found.StudyID = found.AccessionNumber = ""
    found.SeriesInstanceUID = _uid(record, f"series of {role}")
    found.Manufacturer = MAKER
    found.InstanceNumber = 1
    said = record.created_at if role == "picture" else fhir.last_updated(record)
    found.ContentDate, found.ContentTime = _moment(said)
    return found


def _verifier(review: Any) -> Dataset:
    found = Dataset()
    # PN: what separates the parts of a name is a space here, and each part has 64 characters.
    name = re.sub(r"[\\^=]", " ", review.signature)[:64].strip()
    found.VerifyingObserverName = name or _("A doctor")
    found.VerifyingObserverIdentificationCodeSequence = []
    found.VerifyingOrganization = MAKER
    found.VerificationDateTime = "".join(_moment(review.news_since))
    return found


def _evidence(record: MoleRecord) -> Dataset:
    study = Dataset()
    study.ReferencedSeriesSequence = []
    for modality in dict.fromkeys(one.modality for one in record.pictures):
        series, of_kind = Dataset(), [p for p in record.pictures if p.modality == modality]
        series.ReferencedSOPSequence = [_reference(one) for one in of_kind]
        series.SeriesInstanceUID = _series(record, modality)
        study.ReferencedSeriesSequence.append(series)
    study.StudyInstanceUID = _uid(record, "study")
    return study


def _series(record: MoleRecord, modality: str) -> UID:
    """All of a series are of one modality (PS3.3, A.1.2.3)."""
    return _uid(record, f"series of {modality}")


def _reference(picture: Picture) -> Dataset:
    found = Dataset()
    found.ReferencedSOPClassUID = _kind(picture)
    found.ReferencedSOPInstanceUID = _picture_uid(picture)
    return found


def _item(relation: str, kind: str, concept: tuple[str, str, str]) -> Dataset:
    found = Dataset()
    found.RelationshipType, found.ValueType = relation, kind
    found.ConceptNameCodeSequence = [_code(*concept)]
    return found


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    found = Dataset()
    found.CodeValue, found.CodingSchemeDesignator, found.CodeMeaning = value, scheme, meaning
    return found


def _uid(record: MoleRecord, role: str) -> UID:
    """PS3.5, B.2: derived from a UUID, here of a record and what is made of it."""
    return UID(f"2.25.{uuid.uuid5(record.pk, role).int}")


def _picture_uid(of: Picture) -> UID:
    """Of the file and its kind: an archive has it for good, while a record may get another picture,
    and a picture another kind."""
    return UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f'{of.file_name} {of.modality}').int}")


def _name(found: FileDataset, uid: UID) -> None:
    found.SOPInstanceUID = found.file_meta.MediaStorageSOPInstanceUID = uid


def _moment(moment: datetime) -> tuple[str, str]:
    """As DA and TM, in UTC: the object is the same whoever asks for it."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y%m%d}", f"{utc:%H%M%S}"


def _written(found: FileDataset) -> bytes:
    stream = io.BytesIO()
    found.save_as(stream, enforce_file_format=True)
    return stream.getvalue()
