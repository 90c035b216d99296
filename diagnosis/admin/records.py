"""Records to look at, most dangerous and longest waiting first."""

from typing import Any

from auditlog.signals import accessed
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from PIL import Image

from accounts.forms import age_on
from diagnosis import responses, terms
from diagnosis.models import Assessment, MoleRecord, Review
from diagnosis.services import reviews

WIDTH = 340  # of a picture, in CSS pixels


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

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        match self.value():
            case "waiting":
                return queryset.filter(state=MoleRecord.State.DONE, is_reviewed=False)
            case "reviewed":
                return queryset.filter(is_reviewed=True)
        return queryset


class ReviewInline(admin.StackedInline):
    """Verdicts that stand are read; below them is a form for a new one."""

    model = Review
    extra = 1
    can_delete = False
    verbose_name = _("verdict")
    fields = ("risk_category", "diagnosis", "urgency", "comment", "private_comment")
    verbose_name_plural = _("verdicts")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_max_num(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        return obj.reviews.count() + 1


@admin.register(MoleRecord)
class MoleRecordAdmin(admin.ModelAdmin):
    list_display = (
        "thumbnail",
        "person",
        "risk_category",
        "malignancy",
        "uncertain",
        "created_at",
        "is_reviewed",
    )
    list_display_links = ("thumbnail", "person")
    list_filter = (
        ReviewFilter,
        "current_assessment__risk_category",
        "current_assessment__uncertain",
        "state",
        "modality",
        "created_at",
    )
    list_select_related = ("current_assessment",)
    ordering = ("-danger", "created_at")
    list_per_page = 50
    search_fields = ("id", "owner__id", "note", "mole__name")
    search_help_text = _("Record, person, note or mole")
    actions = None
    inlines = (ReviewInline,)
    fieldsets = (
        (None, {"fields": ("picture", "earlier_pictures")}),
        (
            _("The program's answer"),
            {
                "fields": (
                    "risk_category",
                    "malignancy",
                    "probabilities",
                    "uncertain",
                    "advice",
                    "remarks",
                    "model_version",
                )
            },
        ),
        (
            _("The person"),
            {"fields": ("person", "age", "mole", "body_site", "signs_named", "note")},
        ),
        (_("The record"), {"fields": ("state", "failure_reason", "modality", "created_at")}),
    )

    # A record's page takes verdicts, so saving it needs the right to write them; every field of
    # the record itself is read-only.
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("diagnosis.add_review")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return tuple(name for _title, options in self.fieldsets for name in options["fields"])

    def save_model(self, request: HttpRequest, obj: MoleRecord, form: Any, change: bool) -> None:
        """Nothing: a worker may be writing the record at this moment."""

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        formset.new_objects = [
            reviews.write(record=form.instance, doctor=request.user, **_verdict(review))
            for review in formset.save(commit=False)
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, {"title": _("Records to review")})

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                f"<uuid:record_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"diagnosis_molerecord_{name}",
            )
            for name, view in (("image", self.image_view), ("thumbnail", self.thumbnail_view))
        ] + super().get_urls()

    def image_view(self, request: HttpRequest, record_id: Any) -> HttpResponse:
        return responses.picture(request, self._looked_at(request, record_id))

    def thumbnail_view(self, request: HttpRequest, record_id: Any) -> HttpResponse:
        return responses.thumbnail(request, self._looked_at(request, record_id))

    def _looked_at(self, request: HttpRequest, record_id: Any) -> MoleRecord:
        """The record, if this person may see it; that they did goes to the audit log."""
        allowed = self.has_view_permission(request)
        record = get_object_or_404(
            MoleRecord.objects.filter(pk=record_id) if allowed else MoleRecord.objects.none()
        )
        accessed.send(MoleRecord, instance=record)
        return record

    @admin.display(description=_("picture"))
    def thumbnail(self, record: MoleRecord) -> SafeString:
        return format_html(
            '<img src="{}" alt="{}" width="80" loading="lazy">',
            reverse("admin:diagnosis_molerecord_thumbnail", args=[record.pk]),
            _("Picture of the mole"),
        )

    @admin.display(description=_("picture"))
    def picture(self, record: MoleRecord) -> str:
        with record.image.open() as file, Image.open(file) as image:
            width, height = image.size
        assessment = record.current_assessment
        return render_to_string(
            "admin/diagnosis/molerecord/picture.html",
            {
                "url": reverse("admin:diagnosis_molerecord_image", args=[record.pk]),
                "width": WIDTH,
                "height": round(WIDTH * height / width),
                "heatmap": assessment and _heatmap(assessment),
                "outline": assessment and _outline(assessment),
            },
        )

    @admin.display(description=_("other pictures of the same mole"))
    def earlier_pictures(self, record: MoleRecord) -> SafeString | str:
        if record.mole is None:
            return _("The person named no mole.")
        others = record.mole.records.exclude(pk=record.pk).order_by("created_at")
        return format_html_join(
            " ",
            '<a href="{}">{}</a>',
            (
                (
                    reverse("admin:diagnosis_molerecord_change", args=[other.pk]),
                    self.thumbnail(other),
                )
                for other in others
            ),
        ) or _("none")

    @admin.display(description=_("person"))
    def person(self, record: MoleRecord) -> str:
        return f"P-{record.owner_id.hex[:8]}"

    @admin.display(description=_("age"))
    def age(self, record: MoleRecord) -> int | None:
        born = record.owner.date_of_birth
        return born and age_on(timezone.localdate(), born)

    @admin.display(description=_("body site"))
    def body_site(self, record: MoleRecord) -> str | None:
        return record.mole and record.mole.get_body_site_display()

    @admin.display(description=_("what the person noticed"))
    def signs_named(self, record: MoleRecord) -> str:
        return ", ".join(str(terms.SIGNS[sign]) for sign in record.signs)

    @admin.display(description=_("risk category"), ordering="danger")
    def risk_category(self, record: MoleRecord) -> str | None:
        assessment = record.current_assessment
        return assessment and assessment.get_risk_category_display()

    @admin.display(
        description=_("malignancy"), ordering="current_assessment__malignancy", empty_value="–"
    )
    def malignancy(self, record: MoleRecord) -> str | None:
        assessment = record.current_assessment
        return assessment and f"{assessment.malignancy:.1%}"

    @admin.display(description=_("probabilities"))
    def probabilities(self, record: MoleRecord) -> SafeString | None:
        assessment = record.current_assessment
        return assessment and format_html_join(
            "",
            "{}: {}<br>",
            (
                (terms.DIAGNOSES[name], f"{probability:.1%}")
                for name, probability in sorted(
                    assessment.diagnoses.items(), key=lambda item: -item[1]
                )
            ),
        )

    @admin.display(description=_("uncertain"))
    def uncertain(self, record: MoleRecord) -> str:
        assessment = record.current_assessment
        return _("uncertain") if assessment and assessment.uncertain else ""

    @admin.display(description=_("advice"))
    def advice(self, record: MoleRecord) -> str | None:
        return record.current_assessment and record.current_assessment.get_advice_display()

    @admin.display(description=_("about the picture"))
    def remarks(self, record: MoleRecord) -> str | None:
        assessment = record.current_assessment
        sentences = terms.REASONS | terms.WARNINGS
        return assessment and " ".join(
            str(sentences[code]) for code in (*assessment.reasons, *assessment.warnings)
        )

    @admin.display(description=_("version of the model"))
    def model_version(self, record: MoleRecord) -> str | None:
        return record.current_assessment and record.current_assessment.model_version

    @admin.display(description=_("reviewed"), boolean=True, ordering="is_reviewed")
    def is_reviewed(self, record: MoleRecord) -> bool:
        return record.is_reviewed


def _heatmap(assessment: Assessment) -> dict[str, Any] | None:
    """Its cells as squares of side 1, for SVG: where, and how opaque."""
    heatmap = assessment.heatmap
    return heatmap and heatmap | {
        "cells": [
            (index % heatmap["cols"], index // heatmap["cols"], round(value * 0.6, 2))
            for index, value in enumerate(heatmap["values"])
        ]
    }


def _outline(assessment: Assessment) -> str:
    return " ".join(f"{x},{y}" for x, y in assessment.outline or ())


def _verdict(review: Review) -> dict[str, str]:
    return {name: getattr(review, name) for name in ReviewInline.fields}
