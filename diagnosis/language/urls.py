from django.urls import path

from diagnosis.language import limits

urlpatterns = [path("", limits.limits, name="limits")]
