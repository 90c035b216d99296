"""What people read for the codes of ``ml.taxonomy``: one translated name for each."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from ml import taxonomy

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MODALITIES = {
    "dermoscopy": _("Taken with a dermatoscope"),
    "photo": _("Taken with a phone or a camera"),
}

RISK_CATEGORIES = {
    taxonomy.BENIGN: _("benign"),
    taxonomy.LOW_RISK: _("malignant, low risk"),
    taxonomy.HIGH_RISK: _("malignant, high risk"),
}

RISK_CATEGORIES_EXPLAINED = {
    taxonomy.BENIGN: _(
        "This group holds growths that are not cancer, such as ordinary moles and age warts."
    ),
    taxonomy.LOW_RISK: _(
        "This group holds skin cancers that mostly grow slowly and rarely spread, and rough "
        "patches that can turn into one. They can usually be treated well once they are found."
    ),
    taxonomy.HIGH_RISK: _(
        "This group holds melanoma, a skin cancer that can spread. "
        "Found early, it can be treated well, so do not wait."
    ),
}

ADVICE = {
    "watch": _("No warning sign found. Keep an eye on it."),
    "retake": _("Take the picture again."),
    "doctor_weeks": _("Show it to a doctor within a few weeks."),
    "doctor_days": _("Show it to a doctor within a few days."),
}
BY_A_DOCTOR = taxonomy.ADVICE[taxonomy.ADVICE.index("doctor_weeks") :]

URGENCIES = {
    "none": _("no visit needed"),
    "doctor_weeks": _("see a doctor within a few weeks"),
    "doctor_days": _("see a doctor within a few days"),
}

# Names and sentences are written once, beside the rule; here they become translatable.
DIAGNOSES = {code: _(name) for code, name in taxonomy.DIAGNOSIS_NAMES.items()}
REASONS = {code: _(sentence) for code, sentence in taxonomy.REASONS.items()}
WARNINGS = {code: _(sentence) for code, sentence in taxonomy.WARNINGS.items()}

# What beside the picture may enter an answer.
KNOWN = {
    "age": _("age"),
    "sex": _("sex at birth"),
    "body_site": _("body site"),
}

SIGNS = {
    "itching": _("It itches"),
    "bleeding": _("It bleeds"),
    "changing": _("Its colour or shape changes"),
    "growing": _("It grows"),
    "not_healing": _("It does not heal"),
}

# What the comparison with a mole's first picture may find (ml.change).
CHANGES = {
    "grew": _("It grew"),
    "shrank": _("It shrank"),
    "asymmetry": _("Its shape became less even"),
    "border": _("Its edge became more ragged"),
    "colours": _("Its colours became more varied"),
}

BODY_SITES = {
    "scalp": _("scalp"),
    "face": _("face"),
    "ear": _("ear"),
    "neck": _("neck"),
    "chest": _("chest"),
    "abdomen": _("belly"),
    "back": _("back"),
    "genital": _("genital area"),
    "shoulder": _("shoulder"),
    "upper_arm": _("upper arm"),
    "forearm": _("forearm"),
    "hand": _("hand"),
    "palm": _("palm of the hand"),
    "buttock": _("buttock"),
    "thigh": _("thigh"),
    "lower_leg": _("lower leg"),
    "foot": _("foot"),
    "sole": _("sole of the foot"),
    "nail": _("nail"),
    "mucosa": _("lips, mouth or other mucous membrane"),
}

SKIN_TONES = {
    "very_light": _("very light"),
    "light": _("light"),
    "intermediate": _("intermediate"),
    "tan": _("tan"),
    "brown": _("brown"),
    "dark": _("dark"),
}

# Pictures of no lesion on which a release is measured.
FOREIGN = {
    "everyday": _("everyday photographs, and bellies without a mole"),
    "samples": _("sample pictures of an image library"),
    "plain_skin": _("plain skin without a mole"),
    "plain_colour": _("one colour"),
    "gradient": _("colour ramps"),
    "noise": _("noise"),
    "clip_art": _("clip-art"),
    "screenshot": _("screenshots"),
    "document": _("documents"),
}


def small(words: "StrOrPromise") -> str:
    """Begin words as within a sentence; only the first letter, since German has large nouns."""
    return str(words)[:1].lower() + str(words)[1:]


def listed(sentences: "Iterable[StrOrPromise]") -> str:
    """Make one sentence of several; empty where there are none."""
    each = [str(sentence) for sentence in sentences]
    return ", ".join(each[:1] + [small(sentence) for sentence in each[1:]])
