"""The history: a person's records, and the moles they belong to."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from diagnosis.language import results
from diagnosis.moles import edits
from diagnosis.records import demos, uploads
from diagnosis.records.filters import RecordFilter
from diagnosis.records.forms import DemoForm

PAGE_SIZE = 20
MOLES_SHOWN = 6


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("diagnosis:history")
    return render(request, "diagnosis/home.html")


@require_safe
@login_required
def history(request: HttpRequest) -> HttpResponse:
    chosen = RecordFilter(request.GET, uploads.visible_to(request.user), owner=request.user)
    page = Paginator(chosen.qs, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "filter": chosen,
        "form": chosen.form,
        "page": page,
        "entries": entries(page),
        "moles": edits.of(request.user)[: MOLES_SHOWN + 1],
        "moles_shown": MOLES_SHOWN,
    }
    if not page and not chosen.is_on:
        context |= {"demo_form": DemoForm(owner=request.user), "demos": demos.NAMES}
    return render(request, "diagnosis/history.html", context)


def entries(page: Page) -> list[dict]:
    """Each record of the page with its tag, and what its person noticed."""
    return [
        {"record": record, "tag": results.tag(record), "signs": results.signs(record)}
        for record in page
    ]
