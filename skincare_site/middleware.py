"""What holds for every request before a view sees it, and for every answer after."""

import logging
import re
import traceback
from collections.abc import Callable

from django.conf import settings
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import BadRequest, FieldError, RequestDataTooBig, ValidationError
from django.db import DataError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch

from diagnosis.limits import TryLater

logger = logging.getLogger(__name__)

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# What the views of libraries raise for parameters that they did not check; each line was seen.
CARELESS = (
    *(TypeError, ValueError, OverflowError, LookupError, AttributeError, RecursionError),
    *(ValidationError, DataError, FieldError, NoReverseMatch, IncorrectLookupParameters),
)
LIBRARIES = ("django.", "allauth.", "drf_spectacular.", "auditlog.", "knox.")
OURS = ("accounts.", "audit.", "backups.", "diagnosis.", "ml.", "skincare_site.")

HEADERS = {
    # Only the camera page needs anything of this, and only the camera.
    "Permissions-Policy": "camera=(self), "
    + ", ".join(
        f"{feature}=()"
        for feature in (
            *("accelerometer", "autoplay", "display-capture", "encrypted-media", "geolocation"),
            *("gyroscope", "magnetometer", "microphone", "midi", "payment", "usb", "hid"),
            *("serial", "bluetooth", "idle-detection", "local-fonts", "browsing-topics"),
        )
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
}


def add_headers(get_response: Callable) -> Callable:
    """The headers that Django has no setting for."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        for name, value in HEADERS.items():
            response.setdefault(name, value)
        if response.status_code == 404 and "HX-Request" in request.headers:
            response["HX-Refresh"] = "true"  # what the page waits for is gone: all of it says so
        return response

    return middleware


class RefuseMalformed:
    """400 and 413 in place of an error, at every address, also those of libraries."""

    def __init__(self, get_response: Callable) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Raises RequestDataTooBig, BadRequest: Django answers with the page for them."""
        if int(request.META.get("CONTENT_LENGTH") or 0) > most_bytes(request.content_type):
            raise RequestDataTooBig
        if CONTROL.search(request.path) or any(
            CONTROL.search(name) or any(map(CONTROL.search, values))
            for name, values in request.GET.lists()
        ):
            raise BadRequest
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answers what a service puts off; raises BadRequest for what the client caused."""
        if isinstance(exception, TryLater):
            return answer_later(request, exception)
        if is_refused_by_database(exception) or (
            isinstance(exception, CARELESS)
            and _is_of_a_library(request)
            and not _is_our_fault(request, exception)
        ):
            logger.warning("Refused as malformed: %s", request.path, exc_info=exception)
            raise BadRequest from exception
        return None


def most_bytes(content_type: str | None) -> int:
    """How long a body of this kind may be: one with files, or any other."""
    # Django bounds what lies beside the files of a form, and nothing of what others parse.
    has_files = content_type == "multipart/form-data"
    return settings.MAX_REQUEST_BYTES if has_files else settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def answer_later(request: HttpRequest, exception: TryLater) -> HttpResponse:
    """Answer with the page that says when to try again."""
    context = {"sentence": exception.sentence}
    response = render(request, "429.html", context, status=exception.status)
    response["Retry-After"] = exception.seconds
    return response


def is_refused_by_database(exception: Exception) -> bool:
    """Whether it is what PostgreSQL's driver says of a NUL, which no text there may contain."""
    return isinstance(exception, ValueError) and "0x00" in str(exception)


def _is_of_a_library(request: HttpRequest) -> bool:
    match = request.resolver_match
    if match is None:
        return False
    view = getattr(match.func, "view_class", match.func)
    return match.app_name == "admin" or view.__module__.startswith(LIBRARIES)


def _is_our_fault(request: HttpRequest, exception: Exception) -> bool:
    """Whether our own code failed at the look of a page without parameters: nothing there is the
    client's, and the page would be taken for a mistyped address."""
    *_, (frame, _line) = traceback.walk_tb(exception.__traceback__)
    name = frame.f_globals.get("__name__", "")
    return request.method in ("GET", "HEAD") and not request.GET and name.startswith(OURS)
