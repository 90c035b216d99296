"""Moles, uploaded records, the model's assessments, the doctors' reviews, share links.

The state machine stands in the constraints; ``services`` moves it.
"""

from diagnosis.models.records import MAX_SIZE_MM, Assessment, Mole, MoleRecord, random_name
from diagnosis.models.reviews import DoctorProfile, Review
from diagnosis.models.shares import Share

__all__ = [
    "MAX_SIZE_MM",
    "Assessment",
    "DoctorProfile",
    "Mole",
    "MoleRecord",
    "Review",
    "Share",
    "random_name",
]
