"""Verdicts that stand, corrected by the doctor who wrote them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from diagnosis.models import Review


@admin.register(Review)
class ReviewAdmin(admin.ModelAdmin):
    """Where doctors correct their own verdicts; new ones are written on the record's page."""

    list_display = ("record", "doctor", "risk_category", "urgency", "created_at")
    list_filter = ("risk_category", "urgency", "doctor", "created_at")
    list_select_related = ("doctor", "record")
    readonly_fields = ("record", "doctor", "created_at")
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Review | None = None) -> bool:
        own = obj is None or obj.doctor_id == request.user.pk
        return own and super().has_change_permission(request, obj)
