"""The report over HTTP: only for views that have checked whose it is."""

from django.http import HttpResponse
from django.utils.text import slugify


def pdf_answer(content: bytes, name: str) -> HttpResponse:
    """Show a PDF in the browser, and keep it in no cache."""
    filename = f"mole-{slugify(name) or 'report'}.pdf"
    return HttpResponse(
        content,
        content_type="application/pdf",
        headers={
            "Content-Disposition": f'inline; filename="{filename}"',
            "Cache-Control": "private, no-store",
        },
    )
