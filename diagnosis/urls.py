"""All pages of the app, in one namespace; each folder keeps its own addresses."""

from django.urls import include, path

app_name = "diagnosis"

urlpatterns = [
    path("", include("diagnosis.records.urls")),
    path("", include("diagnosis.moles.urls")),
    path("", include("diagnosis.sharing.urls")),
    path("camera/", include("diagnosis.camera.urls")),
    path("limits/", include("diagnosis.language.urls")),
    path("account/", include("diagnosis.own_data.urls")),
    path("account/push/", include("diagnosis.push.urls")),
    path("account/webhooks/", include("diagnosis.webhooks.urls")),
]
