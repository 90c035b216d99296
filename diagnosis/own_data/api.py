"""Everything about a person, for their program: to take away, and to delete."""

from django.contrib.auth import logout
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import credentials
from accounts.api.tokens import ConfirmationSerializer
from accounts.models import User
from accounts.requests import PersonApiRequest
from diagnosis.own_data import deletion
from diagnosis.own_data.responses import zip_answer


class ConfirmedView(APIView):
    """Asks for the password again, and for the second step where it is on."""

    is_of_the_account = True

    def confirm(self, request: PersonApiRequest) -> User:
        sent = ConfirmationSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        credentials.confirm(request=request, **sent.validated_data)
        return User.objects.get(pk=request.user.pk)


class ExportView(ConfirmedView):
    @extend_schema(
        operation_id="account_export",
        summary="Everything that is kept about you, as a ZIP",
        request=ConfirmationSerializer,
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    def post(self, request: PersonApiRequest) -> StreamingHttpResponse:
        return zip_answer(self.confirm(request))


class DeletionView(ConfirmedView):
    @extend_schema(
        operation_id="account_delete",
        summary="Delete your account and all that belongs to it",
        description="Asks for the password again, and for the second step where it is on. "
        "Verdicts on your records go with it, and what they ask for.",
        request=ConfirmationSerializer,
        responses={204: None},
    )
    def post(self, request: PersonApiRequest) -> Response:
        deletion.delete_account(self.confirm(request))
        if not request.auth:
            # Else the session, which is gone, is saved where staff are noted in it as seen.
            logout(request._request)
        return Response(status=204)
