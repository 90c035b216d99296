"""The page on which a doctor looks at one record and writes a verdict."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import floatformat
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.age import age_on
from diagnosis.language import frequencies, terms
from diagnosis.records.models import Assessment, MoleRecord
from diagnosis.reviews import claims, verdicts
from diagnosis.reviews.forms import NewVerdictForm, VerdictForm
from diagnosis.reviews.models import Review

# Records whose answer this session has shown: whoever hides it again has seen it all the same.
SEEN = "seen_answers"
SEEN_AT_MOST = 1000


def show(
    model_admin: admin.ModelAdmin,
    request: HttpRequest,
    record: MoleRecord,
    form: NewVerdictForm | None = None,
) -> HttpResponse:
    """The page; with a form that was refused, as it was sent."""
    profile = verdicts.profile(request.user)
    written = list(record.reviews.select_related("doctor"))
    others = record.mole.records.exclude(pk=record.pk) if record.mole else MoleRecord.objects.none()
    holder = claims.holder(record)
    may_write = model_admin.has_change_permission(request, record)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": _("Record of %(person)s") % {"person": record.owner.pseudonym},
        "record": record,
        "picture_is_there": record.image.storage.exists(record.image.name),
        "age": record.born and age_on(timezone.localdate(), record.born),
        "signs": [terms.SIGNS[sign] for sign in record.signs],
        "others": others.order_by("-created_at").prefetch_related("reviews"),
        "verdicts": written,
        "holder": holder,
        "is_mine": holder == request.user,
        "form": form or NewVerdictForm(initial={"known": len(written)}),
        # A form that was refused stays, so that nothing that was typed is lost.
        "may_write": may_write and (form or holder in (None, request.user)),
        "shortcuts": profile.shortcuts,
        "wait": MoleRecord.objects.awaiting_review().count(),
    }
    if record.current_assessment:
        context["hidden"] = not _model_seen(request, record)
        if not context["hidden"]:
            _remember(request, record)
            context |= _answer(record.current_assessment)
    return TemplateResponse(request, "admin/diagnosis/molerecord/review.html", context)


def save(request: HttpRequest, record: MoleRecord) -> NewVerdictForm:
    """Write the verdict that was sent; what stands against it is in the form's errors."""
    form = NewVerdictForm(request.POST, instance=Review(record=record, doctor=request.user))
    if form.is_valid():
        try:
            verdicts.write(
                record=record,
                doctor=request.user,
                blind=not _model_seen(request, record),
                known=form.cleaned_data["known"],
                **{name: form.cleaned_data[name] for name in VerdictForm.Meta.fields},
            )
        except verdicts.Overtaken:
            form.data = form.data.copy()
            form.data["known"] = record.reviews.count()
            form.add_error(
                None,
                _(
                    "Another doctor has claimed this record, or written a verdict meanwhile. "
                    "Nothing of yours is saved yet."
                ),
            )
    return form


def _model_seen(request: HttpRequest, record: MoleRecord) -> bool:
    """Whether the page shows the program's answer: always, or because the doctor asked for it."""
    asked = "model" in request.GET or str(record.pk) in request.session.get(SEEN, ())
    return asked or not verdicts.profile(request.user).blind_review


def _remember(request: HttpRequest, record: MoleRecord) -> None:
    seen = request.session.get(SEEN, [])
    if str(record.pk) not in seen:
        request.session[SEEN] = [*seen, str(record.pk)][-SEEN_AT_MOST:]


def percent(share: float) -> str:
    """In the reader's language: other commas, and a space before the sign."""
    return _("%(number)s%%") % {"number": floatformat(100 * share, 1)}


def _answer(assessment: Assessment) -> dict[str, Any]:
    sentences = terms.REASONS | terms.WARNINGS
    return {
        "assessment": assessment,
        "probabilities": [
            (terms.DIAGNOSES[name], probability, percent(probability))
            for name, probability in sorted(assessment.diagnoses.items(), key=lambda item: -item[1])
        ],
        "malignancy": percent(assessment.malignancy),
        "picture_alone": assessment.picture and percent(assessment.picture["malignancy"]),
        "used": [terms.KNOWN[name] for name in assessment.used],
        "frequency": frequencies.of(assessment),
        "remarks": [sentences[code] for code in (*assessment.reasons, *assessment.warnings)],
        "overlays": {"heatmap": assessment.heatmap, "outline": assessment.outline},
    }
