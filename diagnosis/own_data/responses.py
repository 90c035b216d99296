"""A person's archive over HTTP: only for views that had the password confirmed."""

from django.http import StreamingHttpResponse
from django.utils import timezone

from accounts.models import User
from diagnosis.own_data import archive
from diagnosis.records import media


def zip_answer(person: User) -> StreamingHttpResponse:
    """Send everything about the person while it is read, and log that it left.

    Raises media.Unreachable.
    """
    media.check_readable()
    archive.log_taken_away(person)
    name = f"mole-check-{timezone.localdate():%Y-%m-%d}.zip"
    return StreamingHttpResponse(
        archive.archive(person),
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )
