"""How the service is, for programs that use it."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from skincare_site import health


class HealthSerializer(serializers.Serializer):
    """As /health/ready says it."""

    status = serializers.ChoiceField(["ok", "degraded", "unavailable"])
    database = serializers.ChoiceField(["ok", "read-only", "down"])
    broker = serializers.ChoiceField(["ok", "down"])
    media = serializers.CharField(help_text="Pictures: ok, or what is wrong.")
    mail = serializers.CharField(help_text="E-mails: ok, or what is wrong.")
    worker = serializers.ChoiceField(["ok", "silent"])
    model = serializers.CharField(allow_null=True, help_text="The version that answers.")


class HealthView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="health_retrieve",
        summary="Whether the service works",
        auth=[],
        responses={200: HealthSerializer},
    )
    def get(self, request: Request) -> Response:
        return Response(HealthSerializer(health.state()).data)
