"""Reviews: a doctor's verdict on a record."""

from django.core.exceptions import PermissionDenied

from accounts.models import User
from diagnosis.models import MoleRecord, Review


def write(
    *,
    record: MoleRecord,
    doctor: User,
    risk_category: str,
    urgency: str,
    diagnosis: str = "",
    comment: str = "",
    private_comment: str = "",
) -> Review:
    """Add a verdict. Raises PermissionDenied when not a doctor, ValidationError."""
    if not doctor.has_perm("diagnosis.add_review"):
        raise PermissionDenied
    review = Review(
        record=record,
        doctor=doctor,
        risk_category=risk_category,
        diagnosis=diagnosis,
        urgency=urgency,
        comment=comment,
        private_comment=private_comment,
    )
    review.clean_fields()
    review.save(force_insert=True)
    return review
