"""What a doctor filters the list of records by."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from diagnosis.records.querysets import RecordQuerySet
from diagnosis.reviews import claims


class ReviewFilter(admin.SimpleListFilter):
    """The queue is what the list shows when nothing is chosen."""

    title = _("review")
    parameter_name = "review"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple]:
        return [("waiting", _("Waiting for a review")), ("reviewed", _("Reviewed"))]

    def choices(self, changelist: Any) -> Any:
        every, *rest = super().choices(changelist)
        every["query_string"] = changelist.get_query_string({self.parameter_name: "all"})
        every["selected"] = self.value() == "all"
        yield from (*rest, every)

    def value(self) -> str:
        return super().value() or "waiting"

    def queryset(self, request: HttpRequest, queryset: RecordQuerySet) -> RecordQuerySet:
        match self.value():
            case "waiting":
                return queryset.awaiting_review()
            case "reviewed":
                return queryset.filter(is_reviewed=True)
        return queryset


class ClaimFilter(admin.SimpleListFilter):
    title = _("claim")
    parameter_name = "claim"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple]:
        return [
            ("own", _("Claimed by me")),
            ("free", _("Free")),
            ("others", _("Claimed by other doctors")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return claims.by_holder(queryset, self.value() or "", doctor=request.user)
