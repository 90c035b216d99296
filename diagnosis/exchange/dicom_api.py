"""DICOM objects over HTTP, for archives that are fed by a program."""

import uuid

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.views import APIView

from accounts.requests import PersonApiRequest
from diagnosis.exchange import dicom, rights

FILE = {(200, "application/dicom"): OpenApiTypes.BINARY}


class DicomView(APIView):
    """One object of a record; the two below say which."""

    def answer(self, request: PersonApiRequest, pk: uuid.UUID, name: str) -> HttpResponse:
        record = get_object_or_404(rights.readable(request).with_answers(), pk=pk)
        try:
            content = getattr(dicom, name)(record)
        except OSError as error:
            raise NotFound from error
        rights.log_looks(request.user, [record])
        return HttpResponse(
            content,
            content_type="application/dicom",
            headers={"Content-Disposition": f'attachment; filename="{name}-{record.pk}.dcm"'},
        )


class PictureView(DicomView):
    @extend_schema(summary="DICOM: the picture (VL Photographic Image)", responses=FILE)
    def get(self, request: PersonApiRequest, pk: uuid.UUID) -> HttpResponse:
        return self.answer(request, pk, "picture")


class ReportView(DicomView):
    @extend_schema(summary="DICOM: what was said of it (Basic Text SR)", responses=FILE)
    def get(self, request: PersonApiRequest, pk: uuid.UUID) -> HttpResponse:
        return self.answer(request, pk, "report")


urlpatterns = [
    path("<uuid:pk>/picture/", PictureView.as_view(), name="api-dicom-picture"),
    path("<uuid:pk>/report/", ReportView.as_view(), name="api-dicom-report"),
]
