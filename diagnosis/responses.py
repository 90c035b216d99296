"""Pictures over HTTP: only for views that have checked whose they are."""

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control
from django_sendfile import sendfile

from diagnosis.models import MoleRecord
from diagnosis.services import pictures


def picture(request: HttpRequest, record: MoleRecord) -> HttpResponse:
    """The stored picture, handed over by the web server where there is one."""
    response = sendfile(
        request, record.image.path, attachment_filename=f"{record.pk}.jpg", mimetype="image/jpeg"
    )
    # Kept by the browser only, and asked for again: after a logout the answer is no.
    patch_cache_control(response, private=True, no_cache=True)
    return response


def thumbnail(request: HttpRequest, record: MoleRecord) -> HttpResponse:
    """A small version for lists."""
    response = HttpResponse(pictures.thumbnail(record), content_type="image/jpeg")
    patch_cache_control(response, private=True, max_age=300)
    return response
