"""Diagnoses, risk categories, advice, reasons, and the rule that joins them: the one table.

Nothing else in the project repeats these; JavaScript reads them from ``model.json``.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MODALITIES = ("dermoscopy", "photo")
DEFAULT_MODALITY = "photo"  # where nobody says otherwise, at every door

BENIGN, LOW_RISK, HIGH_RISK = "benign", "malignant_low_risk", "malignant_high_risk"
RISK_CATEGORIES = (BENIGN, LOW_RISK, HIGH_RISK)

# The order is the order of the network's outputs.
CATEGORY_OF = {
    "nv": BENIGN,
    "bkl": BENIGN,
    "df": BENIGN,
    "vasc": BENIGN,
    "bcc": LOW_RISK,
    "akiec": LOW_RISK,
    "mel": HIGH_RISK,
}
DIAGNOSES = tuple(CATEGORY_OF)
DIAGNOSIS_NAMES = {
    "nv": "melanocytic naevus",
    "bkl": "benign keratosis",
    "df": "dermatofibroma",
    "vasc": "vascular lesion",
    "bcc": "basal cell carcinoma",
    "akiec": "actinic keratosis to squamous cell carcinoma",
    "mel": "melanoma",
}

BENIGN_DIAGNOSES = tuple(d for d, c in CATEGORY_OF.items() if c == BENIGN)
LOW_RISK_DIAGNOSES = tuple(d for d, c in CATEGORY_OF.items() if c == LOW_RISK)
MALIGNANT_DIAGNOSES = tuple(d for d, c in CATEGORY_OF.items() if c != BENIGN)

# What a data set's label allows: the set of diagnoses that it does not exclude.
ALLOWED = {
    **{d: (d,) for d in DIAGNOSES},
    "scc": ("akiec",),
    "benign": BENIGN_DIAGNOSES,
    "malignant": MALIGNANT_DIAGNOSES,
    "malignant_low_risk": LOW_RISK_DIAGNOSES,
    "malignant_high_risk": ("mel",),
    "other": (),
    "not_a_lesion": (),
}

# From the weakest to the strongest; the strongest one that applies is given.
ADVICE = ("watch", "retake", "doctor_weeks", "doctor_days")

# Why a picture can't be judged, and what to do about it.
REASONS = {
    "no_colour": "The picture has no colours of its own. Take it in colour, without a filter.",
    "no_lesion": "No mole was found. Put one mole in the middle of the picture.",
    "unfamiliar": "This does not look like the pictures of moles that the program knows.",
    "several_lesions": "There is more than one mole. Frame one mole only.",
    "too_small": "The mole is too small in the picture. Move closer.",
    "cut_off": "A large part of the mole lies outside the picture. Show all of it.",
    "blurred": "The picture is out of focus. Hold still, and tap on the mole to focus.",
    "too_dark": "The picture is too dark. Use daylight or switch on a lamp.",
    "glare": "Light is reflected from the skin. Turn the lamp or the flash aside.",
    "too_few_pixels": "The picture has too few pixels. Use a sharper camera setting.",
    "covered": "Hair, ink or a reflection covers the mole. Move the hair aside, wipe the ink away, "
    "or turn the lamp.",
}

# What is worth saying of a picture that is judged all the same.
WARNINGS = {
    "several_lesions": "There may be more than one mole in the picture. Frame one mole only.",
    "touches_edge": "Part of the mole lies outside the picture. Show all of it if you can.",
}
# A warning of its own kind: no better picture helps.
DARK_SKIN = "dark_skin"

# What MILK10k's text-and-image model saw in a picture (Kim et al., Nat. Med. 30, 2024); ``skin``
# is its name for pen marks.
CONCEPTS = ("ulceration", "hair", "vasculature", "erythema", "pigmented", "gel", "skin")

SIGNS = ("itching", "bleeding", "changing", "growing", "not_healing")
# Signs that always need a doctor, whatever the picture looks like.
ALARMING_SIGNS = frozenset({"bleeding", "changing", "growing", "not_healing"})

BODY_SITES = (
    "scalp",
    "face",
    "ear",
    "neck",
    "chest",
    "abdomen",
    "back",
    "genital",
    "shoulder",
    "upper_arm",
    "forearm",
    "hand",
    "palm",
    "buttock",
    "thigh",
    "lower_leg",
    "foot",
    "sole",
    "nail",
    "mucosa",
)
# The regions that data sets can tell apart; none for what belongs to no region.
BODY_REGION_OF = {
    **dict.fromkeys(("scalp", "face", "ear", "neck"), "head_neck"),
    **dict.fromkeys(("chest", "abdomen", "back", "buttock"), "trunk"),
    **dict.fromkeys(("shoulder", "upper_arm", "forearm"), "upper_limb"),
    **dict.fromkeys(("thigh", "lower_leg"), "lower_limb"),
    **dict.fromkeys(("hand", "palm", "foot", "sole", "nail"), "hand_foot"),
    "genital": "genital",
}
BODY_REGIONS = tuple(dict.fromkeys(BODY_REGION_OF.values()))
SEXES = ("female", "male")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """One modality's operating point: probabilities, the cost of a missed melanoma relative to
    a missed low-risk cancer, and the log-odds around a probability that count as close to it.

    Raises ValueError for what can't be: above NaN nothing is flagged.
    """

    screen: float
    melanoma: float
    cost_ratio: float
    uncertain: float = 0.0

    def __post_init__(self) -> None:
        within = 0 <= self.screen <= 1 and 0 <= self.melanoma <= 1
        if not within or not 0 <= self.cost_ratio < math.inf or not 0 <= self.uncertain < math.inf:
            raise ValueError(f"{self} can't be right")


def categories(diagnoses: Mapping[str, float]) -> dict[str, float]:
    """Sum the probabilities of the diagnoses by risk category."""
    return {
        category: sum(p for d, p in diagnoses.items() if CATEGORY_OF[d] == category)
        for category in RISK_CATEGORIES
    }


def is_flagged(diagnoses: Mapping[str, float], thresholds: Thresholds) -> bool:
    """Whether the lesion is judged malignant: as a whole, or for melanoma alone."""
    return _above(diagnoses, thresholds) >= 0


def is_uncertain(diagnoses: Mapping[str, float], thresholds: Thresholds) -> bool:
    """Whether the lesion lies so close to being flagged that it could fall to either side."""
    return abs(_above(diagnoses, thresholds)) <= thresholds.uncertain


def is_sent(diagnoses: Mapping[str, float], thresholds: Thresholds) -> bool:
    """Whether a doctor should see the lesion: it is flagged or uncertain."""
    return _above(diagnoses, thresholds) >= -thresholds.uncertain


def _above(diagnoses: Mapping[str, float], thresholds: Thresholds) -> float:
    """By how many log-odds the higher of the two scores lies above its threshold."""
    malignancy = 1 - categories(diagnoses)[BENIGN]
    return max(
        log_odds(malignancy) - log_odds(thresholds.screen),
        log_odds(diagnoses["mel"]) - log_odds(thresholds.melanoma),
    )


def log_odds(probability: float) -> float:
    """Of a probability, kept a millionth away from 0 and 1."""
    inside = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(inside / (1 - inside))


def decide(
    diagnoses: Mapping[str, float], thresholds: Thresholds, *, uncertain: bool
) -> tuple[str, str]:
    """The rule: calibrated probabilities → (risk category, advice)."""
    category = _category(diagnoses, thresholds)
    return category, advice_of(category, uncertain=uncertain)


def _category(diagnoses: Mapping[str, float], thresholds: Thresholds) -> str:
    if not is_flagged(diagnoses, thresholds):
        return BENIGN
    parts = categories(diagnoses)
    return HIGH_RISK if parts[HIGH_RISK] * thresholds.cost_ratio >= parts[LOW_RISK] else LOW_RISK


def advice_of(risk_category: str | None, *, uncertain: bool) -> str:
    """What a risk category leads to; None is that of a picture that can't be judged."""
    if risk_category is None:
        return "retake"
    if risk_category == BENIGN:
        return "doctor_weeks" if uncertain else "watch"
    return "doctor_days" if risk_category == HIGH_RISK else "doctor_weeks"


def advice_with_signs(advice: str, signs: Iterable[str]) -> str:
    """What the person reports never gives less than a doctor within weeks."""
    if ALARMING_SIGNS.isdisjoint(signs):
        return advice
    return max(advice, "doctor_weeks", key=ADVICE.index)
