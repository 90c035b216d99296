from django.urls import path

from diagnosis.own_data import views

urlpatterns = [
    path("data/", views.own_data, name="own_data"),
    path("data/download/", views.download, name="own_data_download"),
    path("delete/", views.account_delete, name="account_delete"),
]
