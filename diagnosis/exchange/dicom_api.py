"""DICOM objects over HTTP, for archives that are fed by a program."""

import uuid

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.views import APIView

from accounts.requests import PersonApiRequest
from diagnosis.exchange import dicom, rights
from diagnosis.records import responses, sittings

FILE = {(200, "application/dicom"): OpenApiTypes.BINARY}


class PictureView(APIView):
    @extend_schema(
        summary="DICOM: a picture (VL Photographic Image)",
        description="By the id of its record, or of one of the record's further pictures.",
        responses=FILE,
    )
    def get(self, request: PersonApiRequest, pk: uuid.UUID) -> HttpResponse:
        readable = rights.readable(request)
        holder = rights.holder_of(pk, readable)
        record = get_object_or_404(readable.with_answers(), pk=holder)
        with responses.not_found(OSError):
            content = dicom.picture(record, sittings.picture_of(record, pk))
        rights.log_looks(request.user, [record], hidden=True)
        return _answer(content, f"picture-{pk}")


class ReportView(APIView):
    @extend_schema(summary="DICOM: what was said of it (Basic Text SR)", responses=FILE)
    def get(self, request: PersonApiRequest, pk: uuid.UUID) -> HttpResponse:
        readable = rights.readable(request).with_answers(request.user)
        record = get_object_or_404(readable, pk=pk)
        content = dicom.report(record)
        rights.log_looks(request.user, [record])
        return _answer(content, f"report-{pk}")


def _answer(content: bytes, name: str) -> HttpResponse:
    return HttpResponse(
        content,
        content_type="application/dicom",
        headers={"Content-Disposition": f'attachment; filename="{name}.dcm"'},
    )


urlpatterns = [
    path("<uuid:pk>/picture/", PictureView.as_view(), name="api-dicom-picture"),
    path("<uuid:pk>/report/", ReportView.as_view(), name="api-dicom-report"),
]
