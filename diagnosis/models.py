"""All models of the app, for Django; each lives in the folder of its subject.

The state machine stands in the constraints; the functions beside each model move it.
"""

from diagnosis.moles.models import Mole
from diagnosis.records.models import MAX_SIZE_MM, Assessment, MoleRecord, random_name
from diagnosis.reviews.models import DoctorProfile, Review
from diagnosis.sharing.models import Share
from diagnosis.webhooks.models import Webhook, WebhookAttempt, WebhookDelivery

__all__ = [
    "MAX_SIZE_MM",
    "Assessment",
    "DoctorProfile",
    "Mole",
    "MoleRecord",
    "Review",
    "Share",
    "Webhook",
    "WebhookAttempt",
    "WebhookDelivery",
    "random_name",
]
