"""The doctor's room."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from diagnosis.admin import agreement, audit, records, reviews

__all__ = ["agreement", "audit", "records", "reviews"]

admin.site.site_header = admin.site.site_title = _("Skincare mole check")
admin.site.index_title = _("Administration")
