"""All addresses."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from skincare_site import health

# The admin logs in by the same page as everybody: rate limits and second factor included.
admin.autodiscover()
admin.site.login = secure_admin_login(admin.site.login)

handler400 = "diagnosis.api.problems.bad_request"

urlpatterns = [
    path("", include("diagnosis.urls")),
    path("account/", include("accounts.urls")),
    path("account/", include("allauth.urls")),
    path("api/v1/", include("diagnosis.api.urls")),
    path("admin/", admin.site.urls),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", health.metrics),
]
