from django.urls import path

from diagnosis.push import views

urlpatterns = [
    path("", views.push, name="push"),
    path("on/", views.turn_on, name="push_on"),
    path("renew/", views.renew, name="push_renew"),
    path("off/", views.turn_off, name="push_off"),
]
