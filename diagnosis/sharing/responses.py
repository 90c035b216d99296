"""The report over HTTP."""

import uuid

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.text import slugify

from accounts.models import User
from diagnosis.records.models import MoleRecord
from diagnosis.sharing import report


def record_pdf(person: User, pk: uuid.UUID) -> HttpResponse:
    """A PDF of one of the person's records. Raises Http404, TryLater."""
    own = MoleRecord.objects.of(person).with_answers().with_earlier_danger()
    record = get_object_or_404(own, pk=pk)
    pdf = report.write(person=person, records=[record], mole=record.mole)
    return pdf_answer(pdf, f"{timezone.localdate(record.created_at)}")


def mole_pdf(person: User, pk: uuid.UUID) -> HttpResponse:
    """A PDF of one of the person's moles over time. Raises Http404, TryLater."""
    mole = get_object_or_404(person.moles, pk=pk)
    records = mole.records.with_answers().with_earlier_danger()
    pdf = report.write(person=person, records=records, mole=mole)
    return pdf_answer(pdf, mole.name)


def pdf_answer(content: bytes, name: str) -> HttpResponse:
    """Show a PDF in the browser, and keep it in no cache: for views that checked whose it is."""
    filename = f"mole-{slugify(name) or 'report'}.pdf"
    return HttpResponse(
        content,
        content_type="application/pdf",
        headers={
            "Content-Disposition": f'inline; filename="{filename}"',
            "Cache-Control": "private, no-store",
        },
    )
