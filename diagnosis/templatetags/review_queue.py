from typing import Any

from django import template

from accounts.models import User
from diagnosis.records.models import MoleRecord
from diagnosis.reviews import claims, verdicts

register = template.Library()


@register.simple_tag
def review_counts(doctor: User) -> dict[str, Any] | None:
    """Count what waits for a doctor, for the admin's front page; None for others."""
    if not doctor.has_perm("diagnosis.add_review"):
        return None
    counts = claims.counts(doctor)
    return counts | {
        "blind": verdicts.profile(doctor).blind_review,
        "by_danger": [
            (danger, MoleRecord.Danger(danger).label, count)
            for danger, count in counts["by_danger"]
        ],
    }
