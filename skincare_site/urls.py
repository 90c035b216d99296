"""All addresses."""

from django.contrib import admin
from django.urls import include, path

from skincare_site import health, metrics

handler400 = "skincare_site.api.problems.bad_request"
handler429 = "accounts.refusals.too_many_requests"  # allauth's, not Django's
handler500 = "skincare_site.api.problems.server_error"

urlpatterns = [
    path("", include("diagnosis.urls")),
    path("account/", include("accounts.urls")),
    path("account/", include("allauth.urls")),
    path("api/v1/", include("skincare_site.api.urls")),
    path("admin/", admin.site.urls),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", metrics.metrics),
    path("", include("skincare_site.well_known")),
]
