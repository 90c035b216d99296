"""Verdicts that stand, corrected by the doctor who wrote them; and what a doctor chose."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from accounts.admin import Kept
from accounts.models import User
from accounts.ownership import take_turn
from accounts.requests import PersonRequest
from diagnosis.records.models import MoleRecord
from diagnosis.reviews import opinions, verdicts
from diagnosis.reviews.forms import CorrectionForm
from diagnosis.reviews.models import DoctorProfile, Review


class DoctorFilter(admin.RelatedFieldListFilter):
    """By who wrote it, under the name also where that is not a doctor any more."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple]:
        written = model_admin.get_queryset(request).values("doctor")
        doctors = User.objects.filter(pk__in=written).order_by("display_name")
        return [(doctor.pk, doctor.get_full_name()) for doctor in doctors]


@admin.register(Review)
class ReviewAdmin(Kept, admin.ModelAdmin):
    """Where doctors correct their own verdicts; new ones are written on the record's page."""

    form = CorrectionForm
    list_display = (
        "record",
        "written_by",
        "risk_category",
        "in_words",
        "urgency",
        "created_at",
    )
    list_filter = (
        "risk_category",
        "urgency",
        "confidence",
        "blind",
        ("doctor", DoctorFilter),
        "created_at",
    )
    list_select_related = ("doctor", "record")
    readonly_fields = ("record", "written_by", "created_at", "blind")
    show_full_result_count = False
    actions = None

    # The stubs don't know that in the admin somebody is signed in.
    def get_queryset(self, request: PersonRequest) -> QuerySet[Review]:  # type: ignore[override]
        return super().get_queryset(request) & opinions.readable(request.user)

    @transaction.atomic
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Of two corrections at once the second is checked against what the first has saved."""
        review = self.get_object(request, unquote(object_id))
        if review and request.method == "POST":
            for record in MoleRecord.objects.filter(pk=review.record_id):
                take_turn(record.owner_id)
        return super().change_view(request, object_id, form_url, extra_context)

    @admin.display(description=_("diagnosis"))
    def in_words(self, review: Review) -> str:
        return review.diagnosis_in_words

    @admin.display(description=_("doctor"), ordering="doctor__display_name")
    def written_by(self, review: Review) -> str:
        return review.doctor.get_full_name()

    def has_change_permission(self, request: HttpRequest, obj: Review | None = None) -> bool:
        own = obj is None or obj.doctor_id == request.user.pk
        return own and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Review, form: Any, change: bool) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        verdicts.correct(review=obj, by=request.user, **changes)


@admin.register(DoctorProfile)
class DoctorProfileAdmin(Kept, admin.ModelAdmin):
    """Each doctor's own settings: there is no list of them."""

    fields = ("shown_name", "blind_review", "shortcuts")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if self.has_module_permission(request):
            DoctorProfile.objects.get_or_create(user=request.user)
            return redirect("admin:diagnosis_doctorprofile_change", request.user.pk)
        return super().changelist_view(request, extra_context)

    def response_post_save_change(self, request: HttpRequest, obj: DoctorProfile) -> HttpResponse:
        return redirect("admin:diagnosis_molerecord_changelist")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("diagnosis.add_review")

    def has_view_permission(self, request: HttpRequest, obj: DoctorProfile | None = None) -> bool:
        own = obj is None or obj.user_id == request.user.pk
        return own and self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: DoctorProfile | None = None) -> bool:
        return self.has_view_permission(request, obj)
