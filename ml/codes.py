"""Codes of hospitals' terminologies for what ``ml.taxonomy`` names: the one table.

Only what means the same, or is the class that holds all of it, is a code here: three diagnoses of
the network are groups that no single concept covers.
Sources, as of November 2026:

- SNOMED CT, International Edition: 400096001 and the places of limbs in browsers of HL7's own
  terminology server (https://tx.fhir.org), 254701007 and 93655004 in public value sets. Body sites
  are those that DICOM takes over in PS3.16, CID 4029 "Dermatology Anatomic Site", CID 4031 "Common
  Anatomic Region" and CID 7155; a test compares them with pydicom's tables of these.
- ICD-10, WHO version of 2019, https://icd.who.int/browse10/2019/en, a classification, in which
  dermatofibroma is one of "other benign neoplasms of skin". C43.9 and C44.9 were compared with its
  Czech edition (https://www.uzis.cz/cz/mkn/C43-C44.html), D22.9 with public lists of codes. The
  name of D23.9, "skin, unspecified" as the part of a category, says its category, too.
"""

from dataclasses import dataclass

# As FHIR R4 names them: https://hl7.org/fhir/R4/terminologies-systems.html
SNOMED_CT, ICD_10 = "http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10"


@dataclass(frozen=True, slots=True)
class Code:
    """One concept of one terminology."""

    system: str
    code: str
    display: str


DIAGNOSES: dict[str, tuple[Code, ...]] = {
    "nv": (
        Code(SNOMED_CT, "400096001", "Melanocytic nevus"),
        Code(ICD_10, "D22.9", "Melanocytic naevi, unspecified"),
    ),
    "bkl": (),
    "df": (Code(ICD_10, "D23.9", "Other benign neoplasms of skin, unspecified"),),
    "vasc": (),
    "bcc": (
        Code(SNOMED_CT, "254701007", "Basal cell carcinoma of skin"),
        Code(ICD_10, "C44.9", "Malignant neoplasm of skin, unspecified"),
    ),
    "akiec": (),
    "mel": (
        Code(SNOMED_CT, "93655004", "Malignant melanoma of skin"),
        Code(ICD_10, "C43.9", "Malignant melanoma of skin, unspecified"),
    ),
}
# None where no concept of those lists is as wide: the sole, any nail, any mucous membrane.
BODY_SITES: dict[str, Code] = {
    site: Code(SNOMED_CT, code, display)
    for site, code, display in (
        ("scalp", "43067004", "Skin of scalp"),
        ("face", "73897004", "Skin of face"),
        ("ear", "1902009", "Skin of ear"),
        ("neck", "43081002", "Skin of neck"),
        ("chest", "74160004", "Skin of chest"),
        ("abdomen", "75093004", "Skin of abdomen"),
        ("back", "66643007", "Skin of back"),
        ("genital", "60944009", "Skin of external genitalia"),
        ("shoulder", "16982005", "Shoulder"),
        ("upper_arm", "40983000", "Upper arm"),
        ("forearm", "14975008", "Forearm"),
        ("hand", "33712006", "Skin of hand"),
        ("palm", "70887009", "Skin of palm of hand"),
        ("buttock", "22180002", "Skin of buttock"),
        ("thigh", "68367000", "Thigh"),
        ("lower_leg", "30021000", "Lower leg"),
        ("foot", "60496002", "Skin of foot"),
    )
}
