"""Words for diagnoses, as clinics and published sets write them → the project's labels."""

import re
import unicodedata
from collections.abc import Collection

from ml.taxonomy import ALLOWED, BENIGN_DIAGNOSES, MALIGNANT_DIAGNOSES

# The first word of each line is the label in ml.taxonomy.ALLOWED.
_WORDS = """
nv: nev, nevi, nevus, naevus, melanocytic nevus, melanocytic naevus, melanocytic nevi, mole,
    atypical nevus, dysplastic nevus, clark nevus, blue nevus, combined nevus, compound nevus,
    congenital nevus, dermal nevus, intradermal nevus, junctional nevus, halo nevus,
    recurrent nevus, reed nevus, spitz nevus, reed or spitz nevus, common nevus
mel: melanoma, malignant melanoma, melanoma in situ, melanoma invasive, melanoma metastasis,
    metastatic melanoma, nodular melanoma, lentigo maligna, lentigo maligna melanoma,
    superficial spreading melanoma, superficial spreading melanoma ssm, acral lentiginous melanoma
bcc: basal cell carcinoma, basal cell carcinoma morpheiform, solid cystic basal cell carcinoma
akiec: ak, ack, actinic keratosis, actinic keratoses, solar keratosis, solar or actinic keratosis,
    bowen disease, bowens disease, intraepithelial carcinoma, intraepidermal carcinoma,
    squamous cell carcinoma in situ, actinic keratosis intraepidermal carcinoma
scc: sccka, squamous cell carcinoma, squamous cell carcinoma invasive, keratoacanthoma,
    squamous cell carcinoma keratoacanthoma
bkl: sek, sk, seborrheic keratosis, seborrhoeic keratosis, seborrheic keratoses,
    benign keratosis, pigmented benign keratosis, benign keratosis like lesion,
    benign keratosis like lesions, solar lentigo, lentigo, lentigo simplex, lentigo nos, lplk,
    lichen planus like keratosis, lichenoid keratosis
df: dermatofibroma, dermatofibromas
vasc: vascular lesion, vascular lesions, vascular, hemangioma, haemangioma, angioma,
    cherry angioma, angiokeratoma, pyogenic granuloma, hemorrhage, haemorrhage
benign: ben oth, benign other
malignant: mal oth, malignant other, indeterminate malignant
other: unk, unknown, inf, inflammatory, indeterminate, non neoplastic
not_a_lesion: no lesion, healthy, healthy skin, normal skin
"""
SYNONYMS = {name: name for name in ALLOWED} | {
    word.strip(): line.partition(":")[0].strip()
    for line in re.sub(r"\n +", " ", _WORDS.strip()).splitlines()
    for word in line.partition(":")[2].split(",")
}
# Columns of tables that have one for each class, 1 in that of the picture.
ONE_HOT = ("mel", "nv", "bcc", "akiec", "ak", "bkl", "df", "vasc", "scc", "sccka", "unk", "ben_oth",
           "inf", "mal_oth")  # fmt: skip
KNOWN = ", ".join(ALLOWED)
# By which doctors say that they only suspect something, or that it isn't so: "nv?", "nv (-)".
DOUBT = re.compile(r"[?!~=]|-\)?\s*$")
TYPOGRAPHY = ("Pd", "Pi", "Pf", "Zs", "Cf")  # dashes, quotation marks, blanks, what is not seen


def of(word: str) -> str | None:
    """The label that a word stands for, whatever its case and punctuation; None if unknown or in
    doubt, as is one beside signs and letters of other alphabets, which may deny it: “不 nv”."""
    others = (sign for sign in word if not sign.isascii())
    if DOUBT.search(word) or any(unicodedata.category(s) not in TYPOGRAPHY for s in others):
        return None
    return SYNONYMS.get(plain(word))


def allows_only(allowed: Collection[str], diagnoses: Collection[str]) -> bool:
    """Whether all that a label allows is of these; one that allows nothing says nothing."""
    return bool(allowed) and set(allowed) <= set(diagnoses)


def is_benign(label: str | None) -> bool:
    return allows_only(ALLOWED.get(label or "", ()), BENIGN_DIAGNOSES)


def is_malignant(label: str | None) -> bool:
    return allows_only(ALLOWED.get(label or "", ()), MALIGNANT_DIAGNOSES)


def plain(word: str) -> str:
    """A word as SYNONYMS has it, if it is there: small letters, no punctuation, no "NOS"."""
    found = " ".join(re.sub(r"[^a-z0-9]+", " ", re.sub("['’]", "", word.lower())).split())
    label = found.replace(" ", "_")
    return label if label in ALLOWED else found.removesuffix(" nos")
