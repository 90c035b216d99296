from django.urls import path

from diagnosis.webhooks import views

urlpatterns = [
    path("", views.webhooks, name="webhooks"),
    path("<uuid:pk>/rotate/", views.rotate, name="webhook_rotate"),
    path("<uuid:pk>/test/", views.test, name="webhook_test"),
    path("<uuid:pk>/delete/", views.delete, name="webhook_delete"),
]
