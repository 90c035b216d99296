"""FHIR R4 over HTTP, read only: https://hl7.org/fhir/R4/http.html."""

import uuid
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import Http404, HttpResponse, QueryDict
from django.urls import URLPattern, path, re_path
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.parsers import FormParser
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.requests import PersonApiRequest
from diagnosis.exchange import fhir, fhir_search, rights
from diagnosis.records import responses, sittings
from diagnosis.records.models import Assessment, MoleRecord, Picture

MEDIA_TYPE = "application/fhir+json"
# https://hl7.org/fhir/R4/valueset-issue-type.html
ISSUES = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    415: "not-supported",
    429: "throttled",
    503: "transient",
}
# Of problems are those that end a request before any view is asked: bytes that are not text.
ERRORS = {
    (status, kind): OpenApiTypes.OBJECT
    for status in ("4XX", "5XX")
    for kind in (MEDIA_TYPE, "application/problem+json")
}
SEARCH = {
    "patient": "Patient/{id} or its id",
    "date": "When the picture was sent; eq, ne, gt, lt, ge, le, sa and eb before it",
    "_lastUpdated": "When something was said of it last, as its meta.lastUpdated; like date",
    "status": "registered, cancelled, preliminary, final",
    "_id": "Ids of reports, with commas between them",
    "_count": "At most so many on a page, up to 100",
    "_include": "DiagnosticReport:result, :media, :patient, or *",
}


class Renderer(JSONRenderer):
    media_type = MEDIA_TYPE
    charset = "utf-8"


class FhirView(APIView):
    """Answers in FHIR's own type, also about what went wrong."""

    request: PersonApiRequest
    renderer_classes = (Renderer,)

    def get_exception_handler(self) -> Any:
        return as_outcome

    @property
    def base(self) -> str:
        """The address below which the resources lie."""
        return self.request.build_absolute_uri("/api/v1/fhir")

    def records(self) -> Any:
        return rights.readable(self.request)

    def whole(self) -> Any:
        return self.records().with_answers(self.request.user)

    def record(self, pk: uuid.UUID | str, *, hidden: bool = False) -> MoleRecord:
        """One that may be read, which is logged: with its answer, or not. Raises Http404."""
        record = self.whole().filter(pk=_uuid(pk)).first()
        if record is None:
            raise Http404
        rights.log_looks(self.request.user, [record], hidden=hidden)
        return record

    def picture(self, pk: uuid.UUID | str) -> tuple[MoleRecord, Picture]:
        """A picture that may be read, with its record, which is logged. Raises Http404."""
        key = _uuid(pk)
        record = self.record(rights.holder_of(key, self.records()), hidden=True)
        return record, sittings.picture_of(record, key)


def as_outcome(exception: Exception, context: dict[str, Any]) -> Response:
    """The API's problem (RFC 9457), said as OperationOutcome."""
    response = APIView.settings.EXCEPTION_HANDLER(exception, context)
    problem = response.data
    issue = {
        "severity": "error",
        "code": ISSUES.get(response.status_code, "exception"),
        "diagnostics": problem["detail"],
    }
    response.data = {"resourceType": "OperationOutcome", "issue": [issue]}
    response.content_type = MEDIA_TYPE
    return response


class MetadataView(FhirView):
    permission_classes = (AllowAny,)
    authentication_classes = ()

    @extend_schema(
        summary="FHIR: what can be read here (CapabilityStatement)",
        auth=[],
        responses={(200, MEDIA_TYPE): OpenApiTypes.OBJECT, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        return Response(capabilities(self.base))


class SearchView(FhirView):
    """By GET, or by POST: then no log of addresses on the way keeps whom was asked for."""

    parser_classes = (FormParser,)
    only_reads = True

    @extend_schema(
        operation_id="fhir_DiagnosticReport_search",
        summary="FHIR: search reports, newest first (Bundle)",
        parameters=[OpenApiParameter(name, str, description=said) for name, said in SEARCH.items()],
        responses={(200, MEDIA_TYPE): OpenApiTypes.OBJECT, **ERRORS},
    )
    def get(self, request: PersonApiRequest) -> Response:
        return self._found(request, request.query_params)

    @extend_schema(
        operation_id="fhir_DiagnosticReport_search_by_post",
        summary="FHIR: the same search, its parameters in the body",
        request={
            FormParser.media_type: {
                "type": "object",
                "properties": {
                    name: {"type": "string", "description": said} for name, said in SEARCH.items()
                },
            }
        },
        responses={(200, MEDIA_TYPE): OpenApiTypes.OBJECT, **ERRORS},
    )
    def post(self, request: PersonApiRequest) -> Response:
        query = request.query_params.copy()
        query.update(request.data)
        return self._found(request, query)

    def _found(self, request: PersonApiRequest, query: QueryDict) -> Response:
        reader = request.user
        shown, bundle = fhir_search.page(self.whole(), query, self.base, reader)
        rights.log_looks(reader, shown)
        if bundle["total"] and not shown:
            rights.log_count(request)
        return Response(bundle)


class ReadView(FhirView):
    """One resource by its id; ``kind`` says of which type."""

    kind = ""

    @extend_schema(
        summary="FHIR: one resource",
        responses={(200, MEDIA_TYPE): OpenApiTypes.OBJECT, **ERRORS},
    )
    def get(self, request: Request, pk: str) -> Response:
        return Response(getattr(self, f"_{self.kind.lower()}")(pk))

    def _diagnosticreport(self, pk: str) -> fhir.Resource:
        return fhir.report(self.record(pk))

    def _media(self, pk: str) -> fhir.Resource:
        return fhir.media(*self.picture(pk), self.base)

    def _observation(self, pk: str) -> fhir.Resource:
        what, key = _split(pk)
        of_it = Q(reviews=_uuid(key), reviews__is_final=True)
        found = of_it if what == fhir.VERDICT else Q(pk=_uuid(key))
        record = self.whole().filter(found).first()
        for each in fhir.observations(record) if record else ():
            if each["id"] == pk:
                rights.log_looks(self.request.user, [record])
                return each
        raise Http404

    def _patient(self, pk: str) -> fhir.Resource:
        shown = self.records().filter(fhir_search.OF_A_PATIENT, owner=_uuid(pk))
        record = shown.select_related("owner").first()
        if record is None:
            raise Http404
        rights.log_looks(self.request.user, [record], hidden=True)
        return fhir.patient(record.owner)

    def _bodystructure(self, pk: str) -> fhir.Resource:
        shown = self.records().filter(fhir_search.OF_A_PATIENT, mole=_uuid(pk))
        record = shown.select_related("mole").first()
        if record is None or record.mole is None:
            raise Http404
        rights.log_looks(self.request.user, [record], hidden=True)
        return fhir.body_structure(record.mole)

    def _device(self, pk: str) -> fhir.Resource:
        version = pk.removeprefix("model-")
        known = Assessment.objects.filter(record__in=self.records(), model_version=version)
        if not pk.startswith("model-") or not known.exists():
            raise Http404
        return fhir.device(version)


class CodeSystemView(FhirView):
    permission_classes = (AllowAny,)
    authentication_classes = ()

    @extend_schema(
        summary="FHIR: the codes of our own",
        auth=[],
        responses={(200, MEDIA_TYPE): OpenApiTypes.OBJECT, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        return Response(fhir.code_system())


class BinaryView(FhirView):
    @extend_schema(
        summary="FHIR: the bytes of a picture",
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY, **ERRORS},
    )
    def get(self, request: Request, pk: str) -> HttpResponse:
        return responses.picture(request, self.picture(pk)[1])


@extend_schema(exclude=True)
class UnknownView(FhirView):
    """Everything else below fhir/."""

    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound(_("No such resource is served here. See metadata for those that are."))


KINDS = ("DiagnosticReport", "Observation", "Media", "Patient", "BodyStructure", "Device")


def capabilities(base: str) -> fhir.Resource:
    """The CapabilityStatement: each kind can be read, reports be searched for."""
    resources: list[fhir.Resource] = [
        {"type": kind, "interaction": [{"code": "read"}]}
        for kind in (*KINDS, "Binary", "CodeSystem")
    ]
    resources[0]["interaction"].append({"code": "search-type"})
    resources[0]["searchInclude"] = [f"DiagnosticReport:{each}" for each in fhir_search.INCLUDES]
    types = {"patient": "reference", "subject": "reference", "date": "date"}
    types |= {"_lastUpdated": "date", "status": "token", "_id": "token"}
    resources[0]["searchParam"] = [{"name": name, "type": kind} for name, kind in types.items()]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-28",
        "kind": "instance",
        "software": {"name": "Skincare mole check"},
        "implementation": {"description": "Skincare mole check", "url": base},
        "fhirVersion": "4.0.1",
        "format": [MEDIA_TYPE],
        "rest": [
            {
                "mode": "server",
                "security": {
                    "description": "Authorization: Token …, from POST "
                    f"{settings.SITE_URL}/api/v1/auth/token/"
                },
                "resource": resources,
            }
        ],
    }


def _split(pk: str) -> tuple[str, str]:
    """What is observed, and the id of the record or verdict: both have dashes."""
    for what in fhir.OBSERVED:
        if pk.startswith(f"{what}-"):
            return what, pk.removeprefix(f"{what}-")
    raise Http404


def _uuid(text: uuid.UUID | str) -> uuid.UUID:
    try:
        return uuid.UUID(str(text))
    except ValueError as error:
        raise Http404 from error


urlpatterns: list[URLPattern] = [
    path("metadata", MetadataView.as_view()),
    path("DiagnosticReport", SearchView.as_view(http_method_names=["get", "head", "options"])),
    path("DiagnosticReport/_search", SearchView.as_view(http_method_names=["post", "options"])),
    *(path(f"{kind}/<str:pk>", ReadView.as_view(kind=kind)) for kind in KINDS),
    path("Binary/<str:pk>", BinaryView.as_view()),
    path(f"CodeSystem/{fhir.SYSTEM_ID}", CodeSystemView.as_view()),
    re_path("", UnknownView.as_view()),
]
