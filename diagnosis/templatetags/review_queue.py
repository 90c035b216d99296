from typing import Any

from django import template

from accounts.models import User
from diagnosis.models import MoleRecord
from diagnosis.services import review_claims, reviews

register = template.Library()


@register.simple_tag
def review_counts(doctor: User) -> dict[str, Any] | None:
    """What waits for a doctor, for the front page of the admin; None for who is no doctor."""
    if not doctor.has_perm("diagnosis.add_review"):
        return None
    counts = review_claims.counts(doctor)
    return counts | {
        "blind": reviews.profile(doctor).blind_review,
        "by_danger": [
            (danger, MoleRecord.Danger(danger).label, count)
            for danger, count in counts["by_danger"]
        ],
    }
