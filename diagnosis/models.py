"""All models of the app, for Django; each lives in the folder of its subject.

The state machine stands in the constraints; the functions beside each model move it.
"""

from diagnosis.moles.models import Change, EndedWait, Mole
from diagnosis.push.models import PushSubscription
from diagnosis.records.models import (
    MAX_SIZE_MM,
    Assessment,
    FurtherPicture,
    MoleRecord,
    random_name,
)
from diagnosis.reviews.models import DoctorProfile, Review, SecondOpinion
from diagnosis.sharing.models import Share
from diagnosis.webhooks.models import Webhook, WebhookAttempt, WebhookDelivery

__all__ = [
    "MAX_SIZE_MM",
    "Assessment",
    "Change",
    "DoctorProfile",
    "EndedWait",
    "FurtherPicture",
    "Mole",
    "MoleRecord",
    "PushSubscription",
    "Review",
    "SecondOpinion",
    "Share",
    "Webhook",
    "WebhookAttempt",
    "WebhookDelivery",
    "random_name",
]
