from django.urls import include, path

from diagnosis.views import history, limits, moles, own_data, records, report, share

app_name = "diagnosis"

urlpatterns = [
    path("", history.home, name="home"),
    path("demo/<slug:name>.jpg", records.demo_image, name="demo_image"),
    path("camera/", include("diagnosis.camera_urls")),
    path("limits/", limits.limits, name="limits"),
    path("records/", history.history, name="history"),
    path("records/new/", records.record_new, name="record_new"),
    path("records/<uuid:pk>/", records.record_detail, name="record_detail"),
    path("records/<uuid:pk>/state/", records.record_state, name="record_state"),
    path("records/<uuid:pk>/image/", records.record_image, name="record_image"),
    path("records/<uuid:pk>/thumbnail/", records.record_thumbnail, name="record_thumbnail"),
    path("records/<uuid:pk>/retry/", records.record_retry, name="record_retry"),
    path("records/<uuid:pk>/reassess/", records.record_reassess, name="record_reassess"),
    path("records/<uuid:pk>/delete/", records.record_delete, name="record_delete"),
    path("records/<uuid:pk>/mole/", moles.record_mole, name="record_mole"),
    path("records/<uuid:pk>/report/", report.record_report, name="record_report"),
    path("records/<uuid:pk>/share/", share.share_record, name="record_share"),
    path("moles/", moles.mole_list, name="moles"),
    path("moles/<uuid:pk>/", moles.mole_detail, name="mole_detail"),
    path("moles/<uuid:pk>/edit/", moles.mole_edit, name="mole_edit"),
    path("moles/<uuid:pk>/reminder/", moles.mole_reminder, name="mole_reminder"),
    path("moles/<uuid:pk>/delete/", moles.mole_delete, name="mole_delete"),
    path("moles/<uuid:pk>/report/", report.mole_report, name="mole_report"),
    path("moles/<uuid:pk>/share/", share.share_mole, name="mole_share"),
    path("reminders/off/", moles.reminders_off, name="reminders_off"),
    path("shares/", share.share_list, name="shares"),
    path("shares/<uuid:pk>/revoke/", share.share_revoke, name="share_revoke"),
    path("shared/", share.shared, name="shared"),
    path("shared/report/", share.shared_report, name="shared_report"),
    path("shared/<uuid:pk>/", share.shared_image, name="shared_image"),
    path("account/data/", own_data.own_data, name="own_data"),
    path("account/data/download/", own_data.download, name="own_data_download"),
    path("account/delete/", own_data.account_delete, name="account_delete"),
]
