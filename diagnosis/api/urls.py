from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from diagnosis.api.views import RecordViewSet, UnknownAddressView

router = SimpleRouter(use_regex_path=False)
router.register("records", RecordViewSet, basename="api-record")

urlpatterns = [
    path("", include("accounts.api_urls")),
    path("", include(router.urls)),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
    re_path("", UnknownAddressView.as_view()),
]
