"""Addresses of the camera page; all below one folder, which is the service worker's scope."""

from django.urls import path

from diagnosis.views import camera

urlpatterns = [
    path("", camera.page, name="camera"),
    path("manifest.webmanifest", camera.manifest, name="camera_manifest"),
    path("service-worker.js", camera.service_worker, name="camera_service_worker"),
    path("model/<path:path>", camera.model_file, name="camera_model"),
    path("<slug:build>/<path:path>", camera.script, name="camera_script"),
]
