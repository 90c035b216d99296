from django.urls import path

from accounts import consent, views

app_name = "accounts"

urlpatterns = [
    path("", views.account, name="account"),
    path("consent/", consent.consent, name="consent"),
    path("details/", views.details, name="details"),
    path("teaching/", views.teaching, name="teaching"),
]
