from django.urls import path

from accounts import views

app_name = "accounts"

urlpatterns = [
    path("", views.account, name="account"),
    path("details/", views.details, name="details"),
    path("teaching/", views.teaching, name="teaching"),
]
