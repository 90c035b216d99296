from django.urls import path

from diagnosis.sharing import views

urlpatterns = [
    path("records/<uuid:pk>/report/", views.record_report, name="record_report"),
    path("records/<uuid:pk>/share/", views.share_record, name="record_share"),
    path("moles/<uuid:pk>/report/", views.mole_report, name="mole_report"),
    path("moles/<uuid:pk>/share/", views.share_mole, name="mole_share"),
    path("shares/", views.share_list, name="shares"),
    path("shares/<uuid:pk>/revoke/", views.share_revoke, name="share_revoke"),
    path("shared/", views.shared, name="shared"),
    path("shared/report/", views.shared_report, name="shared_report"),
    path("shared/<uuid:pk>/", views.shared_image, name="shared_image"),
]
