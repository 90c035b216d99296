"""The history: a person's records, and the moles they belong to."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from diagnosis import wording
from diagnosis.forms import DemoForm
from diagnosis.services import demos, records

PAGE_SIZE = 20


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("diagnosis:history")
    return render(request, "diagnosis/home.html")


@require_safe
@login_required
def history(request: HttpRequest) -> HttpResponse:
    page = Paginator(records.visible_to(request.user), PAGE_SIZE).get_page(request.GET.get("page"))
    moles = request.user.moles.annotate(pictures=Count("records"), last=Max("records__created_at"))
    context = {
        "page": page,
        "entries": entries(page),
        "moles": moles.order_by("-last"),
        "demo_form": DemoForm(owner=request.user),
        "demos": demos.NAMES,
    }
    return render(request, "diagnosis/history.html", context)


def entries(page: Page) -> list[dict]:
    """Each record of the page with its tag."""
    return [{"record": record, "tag": wording.tag(record)} for record in page]
