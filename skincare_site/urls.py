"""All addresses."""

from allauth.socialaccount.providers.openid_connect import views as openid
from django.contrib import admin
from django.urls import include, path

from accounts.views import ActivateApp, ConfirmEmail
from skincare_site import health, metrics

handler400 = "skincare_site.api.problems.bad_request"
handler429 = "accounts.refusals.too_many_requests"  # allauth's, not Django's
handler500 = "skincare_site.api.problems.server_error"

urlpatterns = [
    path("", include("diagnosis.urls")),
    path("account/", include("accounts.urls")),
    # In place of allauth's own, which come after them.
    path("account/confirm-email/<key>/", ConfirmEmail.as_view(), name="account_confirm_email"),
    path("account/2fa/totp/activate/", ActivateApp.as_view(), name="mfa_activate_totp"),
    # Of allauth's, without the addresses that it keeps for earlier versions.
    path("account/", include("allauth.account.urls")),
    path("account/2fa/", include("allauth.mfa.urls")),
    path("account/sessions/", include("allauth.usersessions.urls")),
    path("account/3rdparty/", include("allauth.socialaccount.urls")),
    path("account/oidc/<slug:provider_id>/login/", openid.login, name="openid_connect_login"),
    path(
        "account/oidc/<slug:provider_id>/login/callback/",
        openid.callback,
        name="openid_connect_callback",
    ),
    path("api/v1/", include("skincare_site.api.urls")),
    path("admin/", admin.site.urls),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", metrics.metrics),
    path("", include("skincare_site.well_known")),
]
