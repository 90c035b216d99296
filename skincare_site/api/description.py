"""What drf-spectacular is told, so that the description, and clients made from it, read well."""

# One name for each set of values, wherever it occurs; what is not here is named after its field.
ENUM_NAMES = {
    "Advice": "diagnosis.language.terms.ADVICE.items",
    "BodySite": "diagnosis.language.terms.BODY_SITES.items",
    "MeasuredChange": "diagnosis.language.terms.CHANGES.items",
    "Diagnosis": "diagnosis.language.terms.DIAGNOSES.items",
    "JudgedBy": ["dermoscopy", "photo", "together"],
    "KindOfSitting": "diagnosis.language.limits.SEVERAL.items",
    "KnownOfPerson": "diagnosis.language.terms.KNOWN.items",
    "Modality": "diagnosis.language.terms.MODALITIES.items",
    "RiskCategory": "diagnosis.language.terms.RISK_CATEGORIES.items",
    "Sign": "diagnosis.language.terms.SIGNS.items",
    "Urgency": "diagnosis.language.terms.URGENCIES.items",
    "RecordState": "diagnosis.records.models.MoleRecord.State",
    "ReminderDays": "diagnosis.moles.models.Mole.Reminder",
    "VerdictField": ["risk_category", "urgency"],
    "WebhookEvent": "diagnosis.webhooks.models.Webhook.Event",
    "WebhookError": "diagnosis.webhooks.models.WebhookAttempt.Error",
    "ChangeState": ["waiting", "measured", "not_compared"],
    "OpinionState": ["waiting", "differs", "settled"],
    "DeliveryEvent": "diagnosis.webhooks.models.WebhookDelivery.EVENTS",
    "DeliveryState": ["waiting", "delivered", "given_up"],
    "ServiceState": ["ok", "degraded", "unavailable"],
    "PartState": ["ok", "down"],
    "DatabaseState": ["ok", "read-only", "down"],
    "WorkerState": ["ok", "silent"],
    "TokenScope": "accounts.tokens.Scope",
}
SETTINGS = {
    "TITLE": "Skincare mole check",
    "DESCRIPTION": (
        "Pictures of moles in, risk categories out. A proof of concept, not a medical device."
    ),
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_SUFFIX": "",
    "ENUM_NAME_OVERRIDES": ENUM_NAMES,
    "SWAGGER_UI_DIST": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "skincare_site.api.schema.document",
    ],
}
