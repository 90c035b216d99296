from django.urls import path

from diagnosis.records import history, views

urlpatterns = [
    path("", history.home, name="home"),
    path("demo/<slug:name>.jpg", views.demo_image, name="demo_image"),
    path("records/", history.history, name="history"),
    path("records/new/", views.record_new, name="record_new"),
    path("records/<uuid:pk>/", views.record_detail, name="record_detail"),
    path("records/<uuid:pk>/state/", views.record_state, name="record_state"),
    path("records/<uuid:pk>/image/", views.record_image, name="record_image"),
    path("records/<uuid:pk>/thumbnail/", views.record_thumbnail, name="record_thumbnail"),
    path("records/<uuid:pk>/retry/", views.record_retry, name="record_retry"),
    path("records/<uuid:pk>/reassess/", views.record_reassess, name="record_reassess"),
    path("records/<uuid:pk>/delete/", views.record_delete, name="record_delete"),
    path("records/<uuid:pk>/pictures/new/", views.picture_new, name="picture_new"),
    path(
        "records/<uuid:pk>/pictures/<uuid:picture>/image/",
        views.picture_image,
        name="picture_image",
    ),
    path(
        "records/<uuid:pk>/pictures/<uuid:picture>/thumbnail/",
        views.picture_thumbnail,
        name="picture_thumbnail",
    ),
    path(
        "records/<uuid:pk>/pictures/<uuid:picture>/delete/",
        views.picture_delete,
        name="picture_delete",
    ),
    path("records/<uuid:pk>/answers/", views.record_answers, name="record_answers"),
    path("records/<uuid:pk>/mole/", views.record_mole, name="record_mole"),
]
