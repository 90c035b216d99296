"""Tokens for programs: the same checks as logging in on the pages."""

from typing import Any, NoReturn

from allauth.account import app_settings as account_settings
from allauth.account.adapter import get_adapter
from allauth.account.utils import has_verified_email
from django.conf import settings
from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from knox.models import get_token_model
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import PermissionDenied, Throttled
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle, ScopedRateThrottle
from rest_framework.views import APIView

from accounts.authentication import TokenAuthentication
from accounts.factors import AuthenticateForm
from accounts.models import User
from accounts.refusals import tell_of_limit


class CredentialsSerializer(serializers.Serializer):
    email = serializers.EmailField(write_only=True)
    password = serializers.CharField(write_only=True, trim_whitespace=False, max_length=4096)
    code = serializers.CharField(
        write_only=True,
        required=False,
        max_length=64,
        help_text=_("From the authenticator app; needed once a second factor is on."),
    )

    def validate(self, data: dict[str, str]) -> dict[str, Any]:
        return {"user": self.authenticate(**data)}

    def authenticate(self, email: str, password: str, code: str | None = None) -> User:
        """The person these credentials belong to.

        Raises PermissionDenied, ValidationError, Throttled (allauth counts the failures of pages
        and API together).
        """
        if not settings.LOCAL_PASSWORDS:
            raise PermissionDenied(
                _("Passwords are switched off here. Make a token on your account page.")
            )
        request = self.context["request"]._request
        try:
            user = get_adapter(request).authenticate(request, email=email, password=password)
        except DjangoValidationError as error:
            raise Throttled(detail=error.message) from error
        if user is None or not user.is_active:
            raise serializers.ValidationError(_("The e-mail address or the password is wrong."))
        if (
            account_settings.EMAIL_VERIFICATION
            == account_settings.EmailVerificationMethod.MANDATORY
            and not has_verified_email(user)
        ):
            raise serializers.ValidationError(_("Confirm your e-mail address first."))
        if user.lacks_own_second_factor:
            raise serializers.ValidationError(
                _("Staff need the second step of signing in. Switch it on on your account page.")
            )
        if user.has_second_factor:
            if not code:
                raise serializers.ValidationError(
                    {"code": _("Enter the code from your authenticator app.")}
                )
            form = AuthenticateForm(data={"code": code}, user=user)
            if not form.is_valid():
                raise serializers.ValidationError({"code": form.errors["code"]})
        return user


class TokenSerializer(serializers.Serializer):
    token = serializers.CharField(read_only=True)
    expiry = serializers.DateTimeField(read_only=True)


class TokenView(APIView):
    serializer_class = CredentialsSerializer
    throttle_scope = "token"

    def get_authenticators(self) -> list[BaseAuthentication]:
        # A person who asks for a new token may still send the expired one.
        if self.request is None or self.request.method == "POST":
            return []
        return [TokenAuthentication()]

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny() if self.request.method == "POST" else IsAuthenticated()]

    def get_throttles(self) -> list[BaseThrottle]:
        return [ScopedRateThrottle()]

    def throttled(self, request: Request, wait: float) -> NoReturn:
        tell_of_limit(request._request, at="token")
        super().throttled(request, wait)

    @extend_schema(
        operation_id="token_create",
        summary="Get a token",
        auth=[],
        request=CredentialsSerializer,
        responses={201: TokenSerializer},
    )
    def post(self, request: Request) -> Response:
        credentials = CredentialsSerializer(data=request.data, context={"request": request})
        credentials.is_valid(raise_exception=True)
        instance, token = get_token_model().objects.create(credentials.validated_data["user"])
        data = TokenSerializer({"token": token, "expiry": instance.expiry}).data
        return Response(data, status=201, headers={"Cache-Control": "no-store"})

    @extend_schema(
        operation_id="token_destroy",
        summary="Revoke the token that the request is sent with",
        auth=[{"token": []}],
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request) -> Response:
        request.auth.delete()
        return Response(status=204)
