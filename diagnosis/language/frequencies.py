"""A probability as a natural frequency that names the group it holds for.

Gigerenzer et al. 2007 (doi 10.1111/j.1539-6053.2008.00033.x): people understand "7 in 100 of
these" where they misread a percentage of one picture.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

import ml.release
from ml.taxonomy import BENIGN

if TYPE_CHECKING:
    from diagnosis.records.models import Assessment


def release() -> Mapping[str, Any]:
    """The released model's card; empty where there is no release."""
    try:
        return ml.release.current().card
    except ml.release.ReleaseError:
        return {}


def sentence(assessment: "Assessment") -> str:
    """Say how often pictures with such an answer were dangerous; empty where that is unknown."""
    card = release()
    tested = card.get("figures", {}).get(assessment.modality)
    if not tested or not assessment.usable or card["version"] != assessment.model_version:
        return ""
    reached = tested["thresholds"]["sent_to_doctor"]
    if None in (reached["sensitivity"], reached["specificity"]):
        return ""
    share = tested["malignant"] / tested["n"]
    # By the picture alone, as it was measured: the advice may also come from the person's signs.
    if assessment.risk_category == BENIGN and not assessment.uncertain:
        hit, false = share * (1 - reached["sensitivity"]), (1 - share) * reached["specificity"]
    else:
        hit, false = share * reached["sensitivity"], (1 - share) * (1 - reached["specificity"])
    return _(
        "We tested the program on %(n)s clinic pictures that it had not learned from: "
        "%(all)s in 100 showed a skin cancer. "
        "Of those with an answer like this one, %(these)s in 100 did."
    ) % {
        "n": number_format(tested["n"], force_grouping=True),
        "all": _rounded(100 * share),
        "these": _rounded(100 * hit / (hit + false)),
    }


def _rounded(in_hundred: float) -> str:
    """Round, but never to 0 in 100: that would say that it can't happen."""
    return str(round(in_hundred)) if in_hundred >= 1 else _("fewer than 1")
