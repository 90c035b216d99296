"""All addresses of the API; each room keeps its own."""

from typing import Any

from django.urls import include, path, re_path
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView

from diagnosis.records.api import RecordViewSet


@extend_schema(exclude=True)
class UnknownAddressView(APIView):
    """Everything else under /api/v1/."""

    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound(_("Nothing is at this address. Those of the API end with a slash."))


router = SimpleRouter(use_regex_path=False)
router.register("records", RecordViewSet, basename="api-record")

urlpatterns = [
    path("", include("accounts.api_urls")),
    path("", include(router.urls)),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
    re_path("", UnknownAddressView.as_view()),
]
