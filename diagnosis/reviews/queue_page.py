"""Records to look at, most dangerous first, then the oldest; a record's page takes verdicts."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Case, Prefetch, QuerySet, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from accounts.admin import Kept
from accounts.requests import PersonRequest
from diagnosis.language.figures import percent
from diagnosis.records import responses, sittings
from diagnosis.records.models import MoleRecord
from diagnosis.reviews import claims, opinions, verdicts
from diagnosis.reviews.filters import ClaimFilter, ReviewFilter
from diagnosis.reviews.models import Review
from diagnosis.reviews.page import SKIPPED, ReviewPage, go_on

CLAIM_AT_MOST = 50
MODEL_COLUMNS = ("category", "malignancy", "uncertain")
# As the column shows it: a picture that can't be used has none, and comes after all others.
SHOWN_MALIGNANCY = Case(
    When(current_assessment__usable=True, then="current_assessment__malignancy")
).asc(nulls_first=True)
MODEL_FILTERS = ("danger", "current_assessment__uncertain")


class KeyPaginator(Paginator):
    """Sorts keys only: what a row shows is read for the rows of the page, not for all before."""

    def page(self, number: int) -> Page:
        page = super().page(number)
        keys = list(page.object_list.values_list("pk", flat=True))
        page.object_list = self.object_list.filter(pk__in=keys)
        return page


@admin.register(MoleRecord)
class MoleRecordAdmin(Kept, admin.ModelAdmin):
    list_display = (
        "thumbnail",
        "person",
        *MODEL_COLUMNS,
        "age",
        "earlier_verdicts",
        "claim",
    )
    list_display_links = ("thumbnail", "person")
    list_filter = (
        ReviewFilter,
        ClaimFilter,
        *MODEL_FILTERS,
        "state",
        "modality",
        "created_at",
    )
    ordering = ("-danger", "created_at")
    list_per_page = 50
    paginator = KeyPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    search_fields = ("note", "mole__name")
    search_help_text = _(
        "A record or a person by the first eight characters, or words of note and mole"
    )
    actions = ("claim_selected", "release_selected")

    # A record's page takes verdicts, so it needs the right to write them; every field of the
    # record itself is read-only.
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("diagnosis.add_review")

    # The stubs don't know that in the admin somebody is signed in.
    def get_queryset(  # type: ignore[override]
        self, request: PersonRequest
    ) -> QuerySet[MoleRecord]:
        verdicts_shown = Prefetch("reviews", opinions.readable(request.user))
        of_the_mole = MoleRecord.objects.only("mole").prefetch_related(verdicts_shown)
        # Of an assessment, a row shows two numbers.
        unseen = ("diagnoses", "categories", "pictures", "heatmap", "outline", "features")
        return (
            (super().get_queryset(request) & MoleRecord.objects.real())
            .select_related("current_assessment", "mole", "review_claimed_by")
            .defer(*(f"current_assessment__{name}" for name in unseen))
            .prefetch_related("further", Prefetch("mole__records", of_the_mole))
        )

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> MoleRecord | None:
        """Get a record with all that its page shows, other than in the list."""
        whole = MoleRecord.objects.real().select_related("current_assessment", "mole", "owner")
        known = whole.with_comparison().with_earlier_danger()
        known = known.with_asked_before(request.user)  # type: ignore[arg-type]  # as above
        return known.filter(pk=object_id).first()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        if search_term:
            queryset = queryset.search(search_term)
        return queryset, False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {
            "title": _("Records to review"),
            "may_review": self.has_change_permission(request),
        }
        return super().changelist_view(request, context | (extra_context or {}))

    # While the doctor reviews blind, the list does not tell what the program said either.
    def get_list_display(self, request: HttpRequest) -> list[str]:
        blind = verdicts.profile(request.user).blind_review
        return [name for name in self.list_display if not (blind and name in MODEL_COLUMNS)]

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        blind = verdicts.profile(request.user).blind_review
        return [name for name in self.list_filter if not (blind and name in MODEL_FILTERS)]

    @admin.action(description=_("Claim for me"), permissions=["change"])
    def claim_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        others = queryset.exclude(owner=request.user)
        ids = list(others.values_list("pk", flat=True)[:CLAIM_AT_MOST])
        taken = claims.take(record_ids=ids, doctor=request.user)
        self.message_user(
            request,
            ngettext("You claimed %(count)d record.", "You claimed %(count)d records.", taken)
            % {"count": taken},
        )
        if taken < len(ids):
            self.message_user(
                request, _("The others were claimed by other doctors."), messages.WARNING
            )

    @admin.action(description=_("Give back to the queue"), permissions=["change"])
    def release_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        given = claims.release(record_ids=queryset.values("pk"), doctor=request.user)
        self.message_user(
            request,
            ngettext("You gave %(count)d record back.", "You gave %(count)d records back.", given)
            % {"count": given},
        )

    # --- pages -----------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        views = {
            "<uuid:record_id>/image/": ("image", self.image_view),
            "<uuid:record_id>/thumbnail/": ("thumbnail", self.thumbnail_view),
            "<uuid:record_id>/pictures/<uuid:picture>/image/": ("picture", self.picture_view),
            "<uuid:record_id>/pictures/<uuid:picture>/thumbnail/": ("small", self.small_view),
            "next/": ("next", require_POST(self.next_view)),
        }
        pages = [
            path(route, self.admin_site.admin_view(view), name=f"diagnosis_molerecord_{name}")
            for route, (name, view) in views.items()
        ]
        # Named otherwise than by the model: it logs its look itself, with what it showed.
        similar = path(
            "<uuid:record_id>/similar/",
            self.admin_site.admin_view(require_safe(self.similar_view)),
            name="similar_cases",
        )
        return [*pages, similar, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        record = self.get_object(request, unquote(object_id))
        if record is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_permission(request, record):
            raise PermissionDenied
        return ReviewPage(self, request, record).respond()

    def next_view(self, request: HttpRequest) -> HttpResponse:
        request.session.pop(SKIPPED, None)
        return go_on(self, request)

    def image_view(self, request: HttpRequest, record_id: uuid.UUID) -> HttpResponse:
        return responses.picture(request, self._looked_at(request, record_id))

    def thumbnail_view(self, request: HttpRequest, record_id: uuid.UUID) -> HttpResponse:
        return responses.thumbnail(request, self._looked_at(request, record_id))

    def picture_view(
        self, request: HttpRequest, record_id: uuid.UUID, picture: uuid.UUID
    ) -> HttpResponse:
        record = self._looked_at(request, record_id)
        return responses.picture(request, sittings.picture_of(record, picture))

    def small_view(
        self, request: HttpRequest, record_id: uuid.UUID, picture: uuid.UUID
    ) -> HttpResponse:
        record = self._looked_at(request, record_id)
        return responses.thumbnail(request, sittings.picture_of(record, picture))

    def similar_view(self, request: PersonRequest, record_id: uuid.UUID) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        record = self.get_object(request, str(record_id)) if settings.SIMILAR_CASES else None
        if record is None:
            raise Http404
        return ReviewPage(self, request, record).show_similar()

    def _looked_at(self, request: HttpRequest, record_id: uuid.UUID) -> MoleRecord:
        """The record, if this person may see it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(MoleRecord.objects.real(), pk=record_id)

    # --- columns ---------------------------------------------------------------------------------

    @admin.display(description=_("picture"))
    def thumbnail(self, record: MoleRecord) -> SafeString:
        count = len(record.pictures)
        several = ngettext("%(count)d picture", "%(count)d pictures", count) % {"count": count}
        return format_html(
            '<img src="{}" alt="{}" width="80" loading="lazy">{}',
            reverse("admin:diagnosis_molerecord_thumbnail", args=[record.pk]),
            _("Picture of the mole"),
            format_html("<br>{}", several) if count > 1 else "",
        )

    @admin.display(description=_("person"))
    def person(self, record: MoleRecord) -> str:
        return f"P-{record.owner_id.hex[:8]}"

    @admin.display(description=_("category"), ordering="danger")
    def category(self, record: MoleRecord) -> SafeString:
        return format_html(
            '<span data-danger="{}">{}</span>', record.danger, record.get_danger_display()
        )

    @admin.display(description=_("malignancy"), ordering=SHOWN_MALIGNANCY, empty_value="–")
    def malignancy(self, record: MoleRecord) -> str | None:
        assessment = record.current_assessment
        if assessment is None or not assessment.usable:
            return None
        return percent(assessment.malignancy, 1)

    @admin.display(description=_("uncertain"))
    def uncertain(self, record: MoleRecord) -> str:
        assessment = record.current_assessment
        return gettext("uncertain") if assessment and assessment.uncertain else ""

    @admin.display(description=_("since it was sent"), ordering="-created_at")
    def age(self, record: MoleRecord) -> SafeString:
        return format_html(
            '<span title="{}">{}</span>',
            formats.date_format(timezone.localtime(record.created_at), "DATETIME_FORMAT"),
            timesince(record.created_at, depth=1),
        )

    @admin.display(description=_("earlier verdicts on the mole"), empty_value="–")
    def earlier_verdicts(self, record: MoleRecord) -> SafeString | None:
        others = record.mole.records.all() if record.mole else ()
        found = [review for other in others if other != record for review in other.reviews.all()]
        latest = sorted(found, key=lambda review: review.news_since, reverse=True)[:3]
        return format_html_join("", "{}, {}<br>", ((_short(r), _day(r)) for r in latest)) or None

    @admin.display(description=_("claimed"), ordering="review_claimed_until", empty_value="–")
    def claim(self, record: MoleRecord) -> str | None:
        if record.holder is None:
            return None
        return gettext("%(doctor)s, until %(time)s") % {
            "doctor": record.holder.get_full_name(),
            "time": formats.time_format(timezone.localtime(record.review_claimed_until)),
        }


def _short(review: Review) -> str:
    found = review.diagnosis_in_words or review.get_risk_category_display()
    said = f"{found}, {review.get_urgency_display()}"
    return said if review.is_final else f"{said} ({gettext('not the final one')})"


def _day(review: Review) -> str:
    return formats.date_format(timezone.localtime(review.news_since), "SHORT_DATE_FORMAT")
