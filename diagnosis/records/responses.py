"""Pictures over HTTP: only for views that have checked whose they are."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.http import quote_etag
from django_sendfile import sendfile

from diagnosis import media
from diagnosis.records import pictures
from diagnosis.records.models import MoleRecord, Picture


def picture(request: HttpRequest, of: Picture) -> HttpResponse:
    """The stored picture, handed over by the web server where there is one.

    Raises Http404 without a picture, and what media.Unreachable says.
    """
    etag = tag(of)
    response = get_conditional_response(request, etag=etag)
    if response is None:
        name, kind = f"{of.pk}.jpg", "image/jpeg"
        if media.is_a_folder():
            response = sendfile(request, of.image.path, attachment_filename=name, mimetype=kind)
        else:
            response = HttpResponse(_read(of), content_type=kind)
            response["Content-Disposition"] = f'inline; filename="{name}"'
    response["ETag"] = etag
    # Kept by the browser only, and asked for again: after a logout the answer is no.
    patch_cache_control(response, private=True, no_cache=True)
    return response


def tag(of: Picture) -> str:
    """The entity tag of the stored picture, which tells it from another one under its id."""
    return quote_etag(of.file_name)


def _read(of: Picture) -> bytes:
    with not_found(*media.UNREAD):
        return media.read(of.image)


@contextmanager
def not_found(*errors: type[Exception]) -> Iterator[None]:
    """404 for these: the picture is gone or damaged. That a store is silent is another matter."""
    try:
        yield
    except media.Unreachable:
        raise
    except errors as error:
        raise Http404 from error


def heatmap(record: MoleRecord) -> HttpResponse:
    """The picture with what the answer rests on. Raises Http404 where there is none."""
    with not_found(OSError, ValueError):
        response = HttpResponse(pictures.heatmap(record), content_type="image/jpeg")
    patch_cache_control(response, private=True, no_cache=True)
    return response


def thumbnail(request: HttpRequest, of: Picture) -> HttpResponse:
    """A small version for lists, made once for each browser. Raises Http404 without a picture."""
    etag = quote_etag(f"{of.file_name}-{pictures.THUMBNAIL_SIDE}")
    response = get_conditional_response(request, etag=etag)
    if response is None:
        with not_found(OSError):
            response = HttpResponse(pictures.thumbnail(of), content_type="image/jpeg")
        response["ETag"] = etag
    patch_cache_control(response, private=True, no_cache=True)
    return response
