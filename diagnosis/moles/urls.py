from django.urls import path

from diagnosis.moles import views

urlpatterns = [
    path("moles/", views.mole_list, name="moles"),
    path("moles/marker.svg", views.mole_marker, name="mole_marker"),
    path("moles/<uuid:pk>/", views.mole_detail, name="mole_detail"),
    path("moles/<uuid:pk>/change/", views.mole_change, name="mole_change"),
    path("moles/<uuid:pk>/edit/", views.mole_edit, name="mole_edit"),
    path("moles/<uuid:pk>/reminder/", views.mole_reminder, name="mole_reminder"),
    path("moles/<uuid:pk>/delete/", views.mole_delete, name="mole_delete"),
    path("reminders/off/", views.reminders_off, name="reminders_off"),
]
