"""What a doctor filters the list of records by."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.requests import PersonRequest
from diagnosis.records.querysets import RecordQuerySet
from diagnosis.reviews import claims, opinions


class ReviewFilter(admin.SimpleListFilter):
    """The queue is what the list shows when nothing is chosen."""

    title = _("review")
    parameter_name = "review"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple]:
        return [
            ("waiting", _("Waiting for a review")),
            ("asked", _("Waiting for your opinion")),
            ("reviewed", _("Reviewed")),
        ]

    def choices(self, changelist: Any) -> Any:
        every, *rest = super().choices(changelist)
        every["query_string"] = changelist.get_query_string({self.parameter_name: "all"})
        every["selected"] = self.value() == "all"
        yield from (*rest, every)

    def value(self) -> str:
        return super().value() or "waiting"

    # The stubs don't know that in the admin somebody is signed in.
    def queryset(  # type: ignore[override]
        self, request: PersonRequest, queryset: RecordQuerySet
    ) -> RecordQuerySet:
        match self.value():
            case "waiting":
                return queryset.awaiting_review()
            case "asked":
                return queryset.filter(pk__in=opinions.waiting_for(request.user).values("pk"))
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

    # As above.
    def queryset(  # type: ignore[override]
        self, request: PersonRequest, queryset: QuerySet
    ) -> QuerySet:
        return claims.by_holder(queryset, self.value() or "", doctor=request.user)
