"""Addresses of the camera page; all below one folder, which is the service worker's scope."""

from django.urls import path

from diagnosis.camera import views

urlpatterns = [
    path("", views.page, name="camera"),
    path("manifest.webmanifest", views.manifest, name="camera_manifest"),
    path("service-worker.js", views.service_worker, name="camera_service_worker"),
    path("model/<path:path>", views.model_file, name="camera_model"),
    path("<slug:version>/<path:path>", views.script, name="camera_script"),
]
