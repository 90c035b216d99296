"""A probability as a natural frequency that names the group it holds for.

Gigerenzer et al. 2007 (doi 10.1111/j.1539-6053.2008.00033.x): people understand "7 in 100 of
these" where they misread a percentage of one picture.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

import ml.release
from diagnosis.language import terms
from ml.sitting import together

if TYPE_CHECKING:
    from diagnosis.records.models import Assessment

COLUMNS = 20
OF_ONE = _("Of 100 test pictures with a score like this one, there was a skin cancer in %(these)s.")
OF_SEVERAL = _(
    "Of 100 tested moles with a score like this one, %(these)s turned out to be skin cancer."
)
TESTED_ON_ONE = _(
    "We tested the program on %(n)s clinic pictures that it had not learned from. In skin "
    "clinics, moles are more suspicious than at home. Chance may have moved the number: it "
    "may lie between %(low)s and %(high)s."
)
TESTED_ON_SEVERAL = _(
    "We tested the program on %(n)s moles of clinics, with several pictures of each, that it had "
    "not learned from. In skin clinics, moles are more suspicious than at home. Chance may have "
    "moved the number: it may lie between %(low)s and %(high)s."
)


def release() -> Mapping[str, Any]:
    """The released model's card; empty where there is no release."""
    try:
        return ml.release.current().card
    except ml.release.ReleaseError:
        return {}


def kinds_not_judged() -> list[str]:
    """The kinds of pictures that the released model was not made for."""
    judged = release().get("thresholds", terms.MODALITIES)  # without one, they wait
    return [kind for kind in terms.MODALITIES if kind not in judged]


@dataclass(frozen=True, slots=True)
class Frequency:
    """How many of 100 test pictures with a score like one picture's showed a skin cancer."""

    sentence: str
    explained: str
    of_hundred: int

    @property
    def dots(self) -> list[tuple[int, int, bool]]:
        """Column, row and whether it stands for a cancer, of 100 dots in five rows."""
        return [(n % COLUMNS, n // COLUMNS, n < self.of_hundred) for n in range(100)]


def of(assessment: "Assessment") -> Frequency | None:
    """Find the band that the malignancy falls in; None where it was not measured."""
    card = release()
    if not assessment.usable or card.get("version") != assessment.model_version:
        return None
    kinds = [part["modality"] for part in assessment.pictures if part["usable"]]
    several = len(kinds) > 1
    if several:
        measured = together.gain(assessment.model_version).get("kinds", {})
        bands = measured.get(together.kind_of(kinds), {}).get("bands")
    else:
        bands = card.get("bands", {}).get(kinds[0] if kinds else assessment.modality)
    if not bands:
        return None
    band = next(band for band in reversed(bands) if band["low"] <= assessment.malignancy)
    low, high = (round(100 * bound) for bound in band["share_ci95"])
    return Frequency(
        sentence=(OF_SEVERAL if several else OF_ONE) % {"these": _in_words(100 * band["share"])},
        explained=(TESTED_ON_SEVERAL if several else TESTED_ON_ONE)
        % {
            "n": number_format(sum(band["pictures"] for band in bands), force_grouping=True),
            "low": low,
            "high": high,
        },
        of_hundred=round(100 * band["share"]),
    )


def _in_words(in_hundred: float) -> str:
    """Round, but never to 0 or 100: that would say that it can't happen, or must."""
    if in_hundred < 1:
        return gettext("fewer than 1")
    return gettext("more than 99") if in_hundred >= 99.5 else str(round(in_hundred))
