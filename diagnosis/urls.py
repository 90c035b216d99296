from django.urls import path

from diagnosis.views import history, moles, records

app_name = "diagnosis"

urlpatterns = [
    path("", history.home, name="home"),
    path("demo/<slug:name>.jpg", records.demo_image, name="demo_image"),
    path("records/", history.history, name="history"),
    path("records/new/", records.record_new, name="record_new"),
    path("records/<uuid:pk>/", records.record_detail, name="record_detail"),
    path("records/<uuid:pk>/state/", records.record_state, name="record_state"),
    path("records/<uuid:pk>/image/", records.record_image, name="record_image"),
    path("records/<uuid:pk>/thumbnail/", records.record_thumbnail, name="record_thumbnail"),
    path("records/<uuid:pk>/retry/", records.record_retry, name="record_retry"),
    path("records/<uuid:pk>/delete/", records.record_delete, name="record_delete"),
    path("moles/<uuid:pk>/", moles.mole_detail, name="mole_detail"),
]
