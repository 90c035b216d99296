"""The history: a person's records, and the moles they belong to."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.requests import PersonRequest
from diagnosis.language import results
from diagnosis.moles.views import PAGE_SIZE
from diagnosis.records import demos
from diagnosis.records.filters import RecordFilter
from diagnosis.records.forms import DemoForm
from diagnosis.records.models import MoleRecord

MOLES_SHOWN = 6


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("diagnosis:history")
    return render(request, "diagnosis/home.html")


@require_safe
@login_required
def history(request: PersonRequest) -> HttpResponse:
    own = MoleRecord.objects.of(request.user).with_answers().with_earlier_danger()
    chosen = RecordFilter(request.GET, own, owner=request.user)
    page = Paginator(chosen.qs, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "filter": chosen,
        "form": chosen.form,
        "page": page,
        "entries": results.entries(page),
        "moles": request.user.moles.with_summary()[: MOLES_SHOWN + 1],
        "moles_shown": MOLES_SHOWN,
    }
    if not page and not chosen.is_on:
        context |= {"demo_form": DemoForm(owner=request.user), "demos": demos.offered()}
    return render(request, "diagnosis/history.html", context)
