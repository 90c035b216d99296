"""The report: a PDF to take to a doctor."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from diagnosis.models import MoleRecord, Share
from diagnosis.services import records, reports, shares


@require_safe
@login_required
def mole_report(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    mole = get_object_or_404(request.user.moles, pk=pk)
    its = records.visible_to(request.user).filter(mole=mole)
    return _pdf(reports.write(person=request.user, records=its, mole=mole), mole.name)


@require_safe
@login_required
def record_report(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    record: MoleRecord = get_object_or_404(records.visible_to(request.user), pk=pk)
    pdf = reports.write(person=request.user, records=[record], mole=record.mole)
    return _pdf(pdf, f"{record.created_at:%Y-%m-%d}")


def shared_pdf(share: Share) -> HttpResponse:
    """The same for who holds a share link; the caller has checked it."""
    mole = share.mole or share.record.mole
    pdf = reports.write(person=share.owner, records=shares.records_of(share), mole=mole)
    return _pdf(pdf, "shared")


def _pdf(content: bytes, name: str) -> HttpResponse:
    filename = f"mole-{slugify(name) or 'report'}.pdf"
    return HttpResponse(
        content,
        content_type="application/pdf",
        headers={
            "Content-Disposition": f'inline; filename="{filename}"',
            "Cache-Control": "private, no-store",
        },
    )
