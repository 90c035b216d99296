"""A page of figures: how the program's answers compare with the doctors' verdicts."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin import Seen
from diagnosis.language import terms
from diagnosis.language.figures import percent
from diagnosis.records.models import Assessment, MoleRecord
from diagnosis.reviews import agreement
from ml.taxonomy import RISK_CATEGORIES

SHOWN_WEEKS = 26
SHADES = 5  # of a cell of the confusion matrix; agreement.css has a class for each

RATES = {
    "same_category": gettext_lazy("Same risk category"),
    "sensitivity": gettext_lazy("Malignant to the doctor: flagged by the program"),
    "specificity": gettext_lazy("Benign to the doctor: not flagged"),
    "sensitivity_sent": gettext_lazy("Malignant: sent to a doctor, flagged or uncertain"),
    "specificity_sent": gettext_lazy("Benign: not sent to a doctor"),
    "high_risk_flagged": gettext_lazy("High risk to the doctor: flagged"),
    "high_risk_named": gettext_lazy("High risk to the doctor: called high risk"),
}


class ChoiceForm(forms.Form):
    model_version = forms.ChoiceField(label=gettext_lazy("Version of the model"), required=False)
    modality = forms.ChoiceField(
        label=gettext_lazy("Kind of picture"),
        choices=[("", gettext_lazy("All")), *terms.MODALITIES.items()],
        required=False,
    )
    blind = forms.BooleanField(
        label=gettext_lazy("Only verdicts written without a look at the program's answer"),
        required=False,
    )

    def __init__(self, *args: Any, versions: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["model_version"].choices = [(version, version) for version in versions]


@admin.register(Assessment)
class AgreementAdmin(Seen, admin.ModelAdmin):
    """Assessments are never edited; their one page here shows them all together."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.changelist_view)
        return [path("", view, name="diagnosis_assessment_changelist")]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        versions = agreement.model_versions()
        form = ChoiceForm(request.GET, versions=versions)
        context = self.admin_site.each_context(request) | {
            "title": _("Agreement of program and doctors"),
            "opts": self.opts,
            "form": form,
        }
        if versions and form.is_valid():
            chosen = form.cleaned_data | {
                "model_version": form.cleaned_data["model_version"] or versions[0]
            }
            found, among_doctors = agreement.measure(**chosen), agreement.second_opinions()
            context |= {
                "chosen": chosen,
                "modality_name": terms.small(
                    terms.MODALITIES.get(chosen["modality"], _("all kinds of pictures"))
                ),
                "found": found,
                "categories": [terms.RISK_CATEGORIES[name] for name in RISK_CATEGORIES],
                "confusion": _confusion(found.confusion),
                "rates": [
                    (RATES[name], share, _interval(share)) for name, share in found.rates.items()
                ],
                "refused_interval": _interval(found.refused),
                "among_doctors": among_doctors,
                "among_doctors_interval": _interval(among_doctors),
                "bins": [_bin(b) for b in found.bins],
                "weeks": _weeks(found.weeks[-SHOWN_WEEKS:]),
                "waits": [_wait(wait) for wait in found.waits],
            }
        return TemplateResponse(request, "admin/diagnosis/agreement.html", context)


def _interval(share: agreement.Share) -> str:
    if not share.n:
        return "–"
    return "{} ({} – {})".format(*map(percent, (share.value, *share.interval)))


def _confusion(table: list[list[int]]) -> list[tuple[str, list[tuple[int, str, int]], int]]:
    """(verdict, [(count, share of the row, shade), …], sum) of each row."""
    rows = []
    for name, counts in zip(RISK_CATEGORIES, table, strict=True):
        total = sum(counts)
        shares = [count / total if total else 0 for count in counts]
        cells = [
            (count, percent(share) if total else "", round(share * (SHADES - 1)))
            for count, share in zip(counts, shares, strict=True)
        ]
        rows.append((terms.RISK_CATEGORIES[name], cells, total))
    return rows


# The plots: whole numbers within the viewBox that the template gives, y downwards.


def _y(value: float) -> int:
    """0 at the bottom of the plot, 1 at its top."""
    return round(220 - 200 * value)


def _bin(one: agreement.Bin) -> dict[str, Any]:
    low, high = one.malignant.interval
    return {
        "x": round(40 + 200 * one.mean),
        "y": _y(one.malignant.value),
        "low": _y(low),
        "high": _y(high),
        "mean": percent(one.mean),
        "n": one.malignant.n,
        "share": _interval(one.malignant),
    }


def _weeks(weeks: list[agreement.Week]) -> list[dict[str, Any]]:
    """Each week where it lies in time, so that one without pictures is a gap."""
    if not weeks:
        return []
    span = max(1, (weeks[-1].monday - weeks[0].monday).days)
    drawn = []
    for week in weeks:
        one = {
            "monday": week.monday,
            "x": round(60 + 540 * (week.monday - weeks[0].monday).days / span),
            "n": week.refused.n,
            "refused": _interval(week.refused),
            "refused_y": _y(week.refused.value),
            "flagged": _interval(week.flagged),
        }
        if week.quartiles:
            low, median, high = week.quartiles
            one |= {
                "low_y": _y(low),
                "median_y": _y(median),
                "high_y": _y(high),
                "flagged_y": _y(week.flagged.value),
                "quartiles": " · ".join(map(percent, week.quartiles)),
            }
        drawn.append(one)
    return drawn


def _wait(wait: agreement.Wait) -> dict[str, Any]:
    return {
        "danger": MoleRecord.Danger(wait.danger).label,
        "reviewed": wait.reviewed,
        "median": _duration(wait.median),
        "ninetieth": _duration(wait.ninetieth),
        "waiting": wait.waiting,
        "oldest": _duration(wait.oldest and timezone.now() - wait.oldest),
    }


def _duration(span: timedelta | None) -> str:
    if span is None:
        return "–"
    hours = span.total_seconds() / 3600
    if hours < 1:
        return _("%(number)d min") % {"number": round(hours * 60)}
    if hours < 48:
        return _("%(number)d h") % {"number": round(hours)}
    return _("%(number)d days") % {"number": round(hours / 24)}
