"""The doctor's room; Django looks for it here."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from diagnosis.reviews import agreement_page, corrections, queue_page
from diagnosis.webhooks import admin as webhooks

__all__ = ["agreement_page", "corrections", "queue_page", "webhooks"]

admin.site.site_header = admin.site.site_title = _("Skincare mole check")
admin.site.index_title = _("Administration")
