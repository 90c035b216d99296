"""The API's errors: problem details (RFC 9457), whatever raised them."""

import logging
import sys
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import get_template
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import APIException, NotFound, PermissionDenied, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import exception_handler

from accounts.idempotency import KeyUsed, MadeBefore
from diagnosis.limits import TryLater
from diagnosis.moles.edits import SeveralMoles
from diagnosis.records.pictures import PictureRefused
from diagnosis.records.sittings import AnotherPicture
from diagnosis.records.uploads import ConsentMissing, NotRetryable, SentBefore
from diagnosis.reviews.verdicts import Overtaken, ShownBefore
from skincare_site.middleware import answer_later, is_refused_by_database

MEDIA_TYPE = "application/problem+json"

logger = logging.getLogger(__name__)


class Conflict(APIException):
    status_code = HTTPStatus.CONFLICT


class PreconditionFailed(APIException):
    status_code = HTTPStatus.PRECONDITION_FAILED


class Unprocessable(APIException):
    status_code = HTTPStatus.UNPROCESSABLE_ENTITY


# What stands against a request, by what a service raises.
CONFLICTS = {
    NotRetryable: gettext_lazy("Only a failed record can be tried again."),
    Overtaken: gettext_lazy(
        "Another doctor has claimed this record, or a verdict was written meanwhile."
    ),
    ShownBefore: gettext_lazy(
        "Something has changed meanwhile: a picture, what the person says, what was measured, "
        "the program’s answer, or what a doctor asked. Look at the record again first."
    ),
    MadeBefore: gettext_lazy(
        "This request was sent before, and what it made can’t be shown again."
    ),
}


class SamePicture(Conflict):
    def __init__(self, sent_before: SentBefore) -> None:
        super().__init__(str(sent_before))
        self.record, self.number = str(sent_before.record.pk), sent_before.number


class TooLarge(ValidationError):
    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class Later(APIException):
    """429 or 503; DRF says ``wait`` in Retry-After."""

    def __init__(self, later: TryLater) -> None:
        super().__init__(later.sentence)
        self.status_code, self.wait = later.status, later.seconds


OUTAGES = (OperationalError, InterfaceError)


class Outage(APIException):
    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_detail = gettext_lazy("Out of order for a moment. Try again in a minute.")
    wait = 60  # seconds; DRF says it in Retry-After


def as_problem(exception: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler. The unexpected is logged and answered without its details."""
    exception = _as_api_exception(exception)
    response = exception_handler(exception, context)
    if response is None:
        plain = context["request"]._request
        logger.error("Unexpected error at %s", plain.path, exc_info=exception)
        got_request_exception.send(sender=None, request=plain)
        response = Response(status=500)
        response.data = {"detail": _("Something went wrong on our side. Try again later.")}
    status = HTTPStatus(response.status_code)
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
    }
    if isinstance(exception, ValidationError):
        errors = response.data
        if not isinstance(errors, dict):
            errors = {"non_field_errors": errors}
        problem |= {"detail": _first_sentence(errors), "errors": errors}
    else:
        problem["detail"] = str(response.data["detail"])
        if isinstance(exception, SamePicture):
            problem["same_picture"] = exception.record
            if exception.number is not None:
                problem["picture_number"] = exception.number
    request = context["request"]
    if not isinstance(getattr(request, "accepted_renderer", None), JSONRenderer):
        # Not as a page, or as YAML, even where that is what the address answers with.
        request.accepted_renderer, request.accepted_media_type = JSONRenderer(), MEDIA_TYPE
    headers = {
        name: response[name] for name in ("WWW-Authenticate", "Retry-After") if name in response
    }
    return Response(problem, status=status.value, headers=headers, content_type=MEDIA_TYPE)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400: what is refused before a view is reached, such as an unknown Host."""
    status = HTTPStatus.BAD_REQUEST
    detail = _("The request could not be understood.")
    if isinstance(exception, RequestDataTooBig):
        status, detail = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _("The request is too large.")
    if not request.path.startswith("/api/"):
        return _page(request, status)
    return _problem(status, detail)


def coded_body() -> HttpResponse:
    """Answer a body that is compressed on its way (RFC 9110, 15.5.16)."""
    detail = _("Send the body as it is, without Content-Encoding.")
    response = _problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
    response["Accept-Encoding"] = "identity"
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500; while the database is down, 503 and when to come back.

    The same for who is put off before a view has the request, as the form is read.
    """
    error = sys.exception()
    for_program = request.path.startswith("/api/")
    if isinstance(error, OUTAGES):
        logger.error("The database can't be reached", exc_info=error)
        if for_program:
            response = _problem(HTTPStatus.SERVICE_UNAVAILABLE, str(Outage.default_detail))
        else:
            response = _page(request, HTTPStatus.SERVICE_UNAVAILABLE)
        response["Retry-After"] = Outage.wait
        return response
    if isinstance(error, TryLater):
        if not for_program:
            return answer_later(request, error)
        response = _problem(HTTPStatus(error.status), error.sentence)
        response["Retry-After"] = error.seconds
        return response
    return _page(request, HTTPStatus.INTERNAL_SERVER_ERROR)


def _page(request: HttpRequest, status: HTTPStatus) -> HttpResponse:
    """Without the request's own context, which may be what failed."""
    page = get_template(f"{status.value}.html").render({"was_sent": request.method == "POST"})
    return HttpResponse(page, status=status.value)


def _problem(status: HTTPStatus, detail: str) -> HttpResponse:
    problem = {"type": "about:blank", "title": status.phrase, "status": status.value}
    return JsonResponse(problem | {"detail": detail}, status=status.value, content_type=MEDIA_TYPE)


def _as_api_exception(exception: Exception) -> Exception:
    """What services and Django raise, as what it means to the client."""
    if isinstance(exception, OUTAGES):
        logger.error("The database can't be reached", exc_info=exception)
        return Outage()
    if isinstance(exception, Http404):
        return NotFound()  # Django's own sentence names a class
    if isinstance(exception, PictureRefused):
        kind = TooLarge if exception.code == "too_large" else ValidationError
        return kind({"image": exception.messages})
    if isinstance(exception, SeveralMoles):
        return ValidationError({"mole_name": exception.messages})
    if isinstance(exception, DjangoValidationError):
        fields = hasattr(exception, "error_dict")
        return ValidationError(exception.message_dict if fields else exception.messages)
    if isinstance(exception, ConsentMissing):
        return PermissionDenied(_("Agree first that your pictures are stored: /account/consent/"))
    if isinstance(exception, TryLater):
        return Later(exception)
    if isinstance(exception, SentBefore):
        return SamePicture(exception)
    if isinstance(exception, tuple(CONFLICTS)):
        return Conflict(CONFLICTS[type(exception)])
    if isinstance(exception, AnotherPicture):
        return PreconditionFailed(
            _("That picture is gone, and another picture has its place. Nothing was deleted.")
        )
    if isinstance(exception, KeyUsed):
        return Unprocessable(_("This Idempotency-Key was sent with another request before."))
    if isinstance(exception, RequestDataTooBig):
        return TooLarge([_("The request is too large.")])
    if isinstance(exception, SuspiciousOperation) or is_refused_by_database(exception):
        return ValidationError([_("The request could not be understood.")])
    return exception


def _first_sentence(errors: Any) -> str:
    while isinstance(errors, dict | list):
        errors = next(iter(errors.values() if isinstance(errors, dict) else errors))
    return str(errors)
