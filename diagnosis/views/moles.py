"""A mole's page: its records over time."""

import uuid

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from diagnosis.services import records
from diagnosis.views.history import PAGE_SIZE, entries


@require_safe
@login_required
def mole_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    mole = get_object_or_404(request.user.moles, pk=pk)
    page = Paginator(records.visible_to(request.user).filter(mole=mole), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    context = {"mole": mole, "page": page, "entries": entries(page)}
    return render(request, "diagnosis/mole_detail.html", context)
