"""All addresses of the API; each room keeps its own."""

from typing import Any

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.urls import include, path, re_path
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import (
    SpectacularAPIView,
    SpectacularRedocView,
    SpectacularSwaggerSplitView,
)
from rest_framework.exceptions import NotFound
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView

from diagnosis.language.api import LimitsView
from diagnosis.moles.api import MoleViewSet
from diagnosis.own_data.api import DeletionView, ExportView
from diagnosis.records.api import RecordViewSet, TimelineView
from diagnosis.reviews.api import OpinionViewSet, QueueViewSet, VerdictViewSet
from diagnosis.sharing.api import MoleReportView, RecordReportView, ShareViewSet
from diagnosis.webhooks.api import WebhookViewSet
from skincare_site.api.health import HealthView


@extend_schema(exclude=True)
class UnknownAddressView(APIView):
    """Everything else under /api/v1/."""

    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound(_("Nothing is at this address. Those of the API end with a slash."))


READ = {"http_method_names": ["get", "head"]}  # an answer to OPTIONS would have no template
# Redoc writes its own style sheet into the page, and works in a thread of its own.
styled_by_script = csp_update({"style-src": [UNSAFE_INLINE], "worker-src": ["blob:"]})

router = SimpleRouter(use_regex_path=False)
router.register("records", RecordViewSet, basename="api-record")
router.register("moles", MoleViewSet, basename="api-mole")
router.register("shares", ShareViewSet, basename="api-share")
router.register("queue", QueueViewSet, basename="api-queue")
router.register("reviews", VerdictViewSet, basename="api-review")
router.register("opinions", OpinionViewSet, basename="api-opinion")
router.register("webhooks", WebhookViewSet, basename="api-webhook")

urlpatterns = [
    path("", include("accounts.api.urls")),
    path("account/export/", ExportView.as_view(), name="api-export"),
    path("account/deletion/", DeletionView.as_view(), name="api-deletion"),
    path("moles/<uuid:pk>/timeline/", TimelineView.as_view(), name="api-mole-timeline"),
    path("moles/<uuid:pk>/report/", MoleReportView.as_view(), name="api-mole-report"),
    path("records/<uuid:pk>/report/", RecordReportView.as_view(), name="api-record-report"),
    path("dicom/", include("diagnosis.exchange.dicom_api")),
    path("fhir/", include("diagnosis.exchange.fhir_api")),
    path("limits/", LimitsView.as_view(), name="api-limits"),
    path("health/", HealthView.as_view(), name="api-health"),
    path("", include(router.urls)),
    path(
        "schema/",
        SpectacularAPIView.as_view(content_negotiation_class=DefaultContentNegotiation, **READ),
        name="api-schema",
    ),
    path(
        "docs/",
        SpectacularSwaggerSplitView.as_view(url_name="api-schema", **READ),
        name="api-docs",
    ),
    path(
        "redoc/",
        styled_by_script(SpectacularRedocView.as_view(url_name="api-schema", **READ)),
        name="api-redoc",
    ),
    re_path("", UnknownAddressView.as_view()),
]
