"""Tokens for programs: the same checks as logging in on the pages."""

import uuid
from typing import Any, NoReturn

from django.http import Http404
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import credentials, idempotency, tokens
from accounts.authentication import TokenAuthentication
from accounts.names import check_name
from accounts.refusals import tell_of_limit
from accounts.requests import FormSerializer, PersonApiRequest

SECRET: dict[str, Any] = {"write_only": True, "trim_whitespace": False, "max_length": 4096}


class NewTokenSerializer(serializers.Serializer):
    """What a person says of a token."""

    name = serializers.CharField(
        max_length=100,
        default="",
        allow_blank=True,
        validators=[check_name],
        help_text=_("To tell it apart from others in the list."),
    )
    scope = serializers.ChoiceField(
        tokens.Scope.choices,
        default=tokens.Scope.FULL,
        help_text=_("What the program may do with it."),
    )
    days = serializers.IntegerField(
        min_value=1,
        max_value=tokens.MOST_DAYS,
        default=tokens.DAYS,
        help_text=_("After how many days it ends."),
    )


class ConfirmationSerializer(serializers.Serializer):
    """The password again, before what can't be taken back."""

    password = serializers.CharField(**SECRET)
    code = serializers.CharField(
        write_only=True,
        required=False,
        allow_blank=True,
        default="",
        max_length=64,
        help_text=_("From the authenticator app; needed once a second factor is on."),
    )


class CredentialsSerializer(FormSerializer, NewTokenSerializer, ConfirmationSerializer):
    """Who asks for a token, and what for."""

    email = serializers.EmailField(write_only=True)


class ConfirmedTokenSerializer(NewTokenSerializer, ConfirmationSerializer):
    pass


class TokenSerializer(serializers.Serializer):
    """The text that opens the API, shown this once."""

    token = serializers.CharField(read_only=True)
    expiry = serializers.DateTimeField(read_only=True)


class ListedTokenSerializer(serializers.Serializer):
    """A token, without its text."""

    id = serializers.UUIDField(source="pk", read_only=True)
    name = serializers.CharField(read_only=True)
    scope = serializers.ChoiceField(tokens.Scope.choices, read_only=True)
    created = serializers.DateTimeField(read_only=True)
    expiry = serializers.DateTimeField(read_only=True)
    is_this_one = serializers.BooleanField(
        read_only=True, help_text=_("Whether the request was sent with it.")
    )

    def to_representation(self, token: Any) -> dict[str, Any]:
        return {
            "id": str(tokens.id_of(token)),
            "name": tokens.name_of(token),
            "scope": tokens.scope_of(token),
            "created": self.fields["created"].to_representation(token.created),
            "expiry": self.fields["expiry"].to_representation(token.expiry),
            "is_this_one": token == self.context["request"].auth,
        }


class TokenView(APIView):
    """For programs without a token: e-mail address and password give one."""

    serializer_class = CredentialsSerializer
    throttle_scope = "token"
    parser_classes = (*APIView.parser_classes, FormParser, MultiPartParser)

    def get_authenticators(self) -> list[BaseAuthentication]:
        # A person who asks for a new token may still send the expired one.
        if self.request is None or self.request.method == "POST":
            return []
        return [TokenAuthentication()]

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny() if self.request.method == "POST" else IsAuthenticated()]

    def throttled(self, request: Request, wait: float) -> NoReturn:
        tell_of_limit(request._request, at="token")
        super().throttled(request, wait)

    @extend_schema(
        operation_id="token_create",
        summary="Get a token",
        description="For programs without a token: e-mail address and password give one. A form "
        "is taken, too.",
        auth=[],
        # Of several kinds, generated clients make a function that takes none of them.
        request={"application/json": CredentialsSerializer},
        responses={201: TokenSerializer},
    )
    def post(self, request: Request) -> Response:
        sent = CredentialsSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        fields = sent.validated_data
        proof = {name: fields.pop(name) for name in ("email", "password", "code")}
        person = credentials.check(request=request._request, **proof)
        return _made(*tokens.create(person=person, **fields))

    @extend_schema(
        operation_id="token_destroy",
        summary="Revoke the token that the request is sent with",
        auth=[{"token": []}],  # type: ignore[list-item]  # it becomes OpenAPI's security, as it is
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request) -> Response:
        request.auth.delete()
        return Response(status=204)


class TokenListView(APIView):
    is_of_the_account = True

    @extend_schema(
        operation_id="tokens_list",
        summary="Your tokens that work, newest first",
        responses={200: ListedTokenSerializer(many=True)},
    )
    def get(self, request: PersonApiRequest) -> Response:
        shown = tokens.active(request.user)
        return Response(ListedTokenSerializer(shown, many=True, context={"request": request}).data)

    @extend_schema(
        operation_id="tokens_create",
        summary="Make another token, for example one that may only read",
        request=ConfirmedTokenSerializer,
        responses={201: TokenSerializer},
    )
    def post(self, request: PersonApiRequest) -> Response:
        sent = ConfirmedTokenSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        fields = sent.validated_data
        proof = {name: fields.pop(name) for name in ("password", "code")}
        credentials.confirm(request=request, **proof)
        texts = []

        def make() -> Any:
            token, text = tokens.create(person=request.user, **fields)
            texts.append(text)
            return token

        # A text is not stored, so that it can't be shown again.
        return _made(idempotency.once(request, make=make, again=None, proof=proof), *texts)


class OneTokenView(APIView):
    is_of_the_account = True

    @extend_schema(
        operation_id="tokens_destroy",
        summary="Revoke a token",
        request=None,
        responses={204: None},
    )
    def delete(self, request: PersonApiRequest, pk: uuid.UUID) -> Response:
        token = tokens.by_id(request.user, pk)
        if token is None:
            raise Http404
        token.delete()
        return Response(status=204)


def _made(token: Any, text: str) -> Response:
    data = TokenSerializer({"token": text, "expiry": token.expiry}).data
    return Response(data, status=201, headers={"Cache-Control": "no-store"})
