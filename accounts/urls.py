from django.urls import path

from accounts import views

app_name = "accounts"

urlpatterns = [
    path("", views.account, name="account"),
    path("consent/", views.consent, name="consent"),
    path("details/", views.details, name="details"),
    path("sex/", views.sex_at_birth, name="sex"),
    path("teaching/", views.teaching, name="teaching"),
    path("preferences/", views.preferences, name="preferences"),
    path("notifications/", views.notifications, name="notifications"),
    path("language/", views.language, name="language"),
    path("tokens/", views.tokens, name="tokens"),
    path("tokens/revoke/", views.token_revoke, name="token_revoke"),
    path("sessions/<int:pk>/end/", views.session_end, name="session_end"),
]
