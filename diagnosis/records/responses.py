"""Pictures over HTTP: only for views that have checked whose they are."""

from django.db.models.fields.files import FieldFile
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.http import quote_etag
from django_sendfile import sendfile

from diagnosis.records import media, pictures
from diagnosis.records.models import MoleRecord


def picture(request: HttpRequest, record: MoleRecord) -> HttpResponse:
    """The stored picture, handed over by the web server where there is one.

    Raises Http404 without a picture, and what media.Unreachable says.
    """
    etag = quote_etag(str(record.pk))  # a record's picture never changes
    response = get_conditional_response(request, etag=etag)
    if response is None:
        name, kind = f"{record.pk}.jpg", "image/jpeg"
        if media.is_a_folder():
            response = sendfile(request, record.image.path, attachment_filename=name, mimetype=kind)
        else:
            response = FileResponse(_opened(record), filename=name, content_type=kind)
    response["ETag"] = etag
    # Kept by the browser only, and asked for again: after a logout the answer is no.
    patch_cache_control(response, private=True, no_cache=True)
    return response


def _opened(record: MoleRecord) -> FieldFile:
    try:
        return record.image.open()
    except FileNotFoundError as error:
        raise Http404 from error


def heatmap(record: MoleRecord) -> HttpResponse:
    """The picture with what the answer rests on. Raises Http404 where there is none."""
    try:
        response = HttpResponse(pictures.heatmap(record), content_type="image/jpeg")
    except media.Unreachable:
        raise
    except (OSError, ValueError) as error:
        raise Http404 from error
    patch_cache_control(response, private=True, no_cache=True)
    return response


def thumbnail(request: HttpRequest, record: MoleRecord) -> HttpResponse:
    """A small version for lists, made once for each browser. Raises Http404 without a picture."""
    # A record's picture never changes.
    etag = quote_etag(f"{record.pk}-{pictures.THUMBNAIL_SIDE}")
    response = get_conditional_response(request, etag=etag)
    if response is None:
        try:
            response = HttpResponse(pictures.thumbnail(record), content_type="image/jpeg")
        except media.Unreachable:
            raise
        except OSError as error:  # gone, or damaged
            raise Http404 from error
        response["ETag"] = etag
    patch_cache_control(response, private=True, no_cache=True)
    return response
