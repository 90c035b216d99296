"""The own account: signing up, what is kept of the person, what they agreed to."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import consent, signup
from accounts.age import check_born
from accounts.api.tokens import SECRET
from accounts.consent import (
    CONSENT_TEXT,
    CONSENT_VERSION,
    SIMILAR_TEXT,
    TEACHING_TEXT,
    check_old_enough,
)
from accounts.forms import time_zones
from accounts.models import User
from accounts.requests import PersonApiRequest

LANGUAGES = [("", _("As my browser asks")), *settings.LANGUAGES]
SEXES = [(sex.value, sex.label) for sex in User.SexAtBirth]  # "" stands for none of them
TIME_ZONES = [name for _continent, places in time_zones() for name, _place in places]


class SignUpSerializer(serializers.Serializer):
    email = serializers.EmailField(write_only=True, max_length=254)
    password = serializers.CharField(**SECRET)
    display_name = serializers.CharField(write_only=True, default="", allow_blank=True)
    date_of_birth = serializers.DateField(write_only=True)
    consent = serializers.BooleanField(
        write_only=True,
        help_text=_("That the person agrees to the text that GET gives."),
    )


class ConsentTextSerializer(serializers.Serializer):
    version = serializers.CharField(read_only=True)
    text = serializers.CharField(read_only=True)


class EmailKeySerializer(serializers.Serializer):
    key = serializers.CharField(
        write_only=True, max_length=200, help_text=_("The end of the link in the e-mail.")
    )


class AccountSerializer(serializers.ModelSerializer):
    """What a person may read of their own account; what they may change, the page offers too."""

    sex_at_birth = serializers.ChoiceField(SEXES, allow_blank=True, required=False)
    language = serializers.ChoiceField(LANGUAGES, allow_blank=True, required=False)
    time_zone = serializers.CharField(
        max_length=50, allow_blank=True, required=False, help_text=_("Such as Europe/Brussels.")
    )
    roles = serializers.SerializerMethodField()
    has_second_factor = serializers.BooleanField(read_only=True)

    class Meta:
        model = User
        fields = (
            *("email", "pseudonym", "display_name", "date_of_birth", "sex_at_birth"),
            *("language", "time_zone", "reminder_emails", "verdict_emails"),
            *("roles", "has_second_factor", "date_joined"),
        )
        read_only_fields = ("email", "pseudonym", "date_of_birth", "date_joined")

    def get_roles(self, person: User) -> list[str]:
        return sorted(person.groups.values_list("name", flat=True))

    def validate_time_zone(self, name: str) -> str:
        if name and name not in TIME_ZONES:
            raise serializers.ValidationError(_("Choose a time zone of the list."))
        return name


class ConsentSerializer(ConsentTextSerializer):
    """The texts, and since when the person agrees to them; null where they do not."""

    agreed_to = serializers.CharField(read_only=True, help_text=_("The version; empty: to none."))
    agreed_at = serializers.DateTimeField(read_only=True, allow_null=True)
    teaching_text = serializers.CharField(read_only=True)
    teaching_agreed_at = serializers.DateTimeField(read_only=True, allow_null=True)
    similar_text = serializers.CharField(read_only=True)
    similar_agreed_at = serializers.DateTimeField(read_only=True, allow_null=True)


class AgreementSerializer(serializers.Serializer):
    version = serializers.CharField(
        required=False, help_text=_("Of the text that the person has read and agrees to.")
    )
    date_of_birth = serializers.DateField(
        required=False,
        write_only=True,
        validators=[check_born, check_old_enough],
        help_text=_("Needed with the version where the account has none; else it stays."),
    )
    teaching = serializers.BooleanField(
        required=False, help_text=_("Whether reviewed pictures may go into data sets.")
    )
    similar = serializers.BooleanField(
        required=False,
        help_text=_("Whether doctors may see reviewed pictures beside similar ones of others."),
    )

    def validate_version(self, version: str) -> str:
        if version != CONSENT_VERSION:
            raise serializers.ValidationError(
                _("The text is of version %(version)s now.") % {"version": CONSENT_VERSION}
            )
        return version

    def validate(self, sent: dict[str, Any]) -> dict[str, Any]:
        """As on the page: who is too young can't consent, and who has not said may be."""
        known = self.context["request"].user.date_of_birth or sent.get("date_of_birth")
        if "version" not in sent:
            return sent
        if not known:
            missing = self.fields["date_of_birth"].error_messages["required"]
            raise serializers.ValidationError({"date_of_birth": [missing]})
        check_old_enough(known)
        return sent


class OpenView(APIView):
    """For who has no account yet."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_scope = "signup"


class SignUpView(OpenView):
    @extend_schema(
        operation_id="sign_up_text",
        summary="What a person agrees to by signing up",
        auth=[],
        responses={200: ConsentTextSerializer},
    )
    def get(self, request: Request) -> Response:
        said = {"version": CONSENT_VERSION, "text": CONSENT_TEXT}
        return Response(ConsentTextSerializer(said).data)

    @extend_schema(
        operation_id="sign_up",
        summary="Make an account",
        description=(
            "A link that confirms the address is mailed. Where confirming is mandatory, an "
            "address that has an account gets the same answer, and a mail that says so."
        ),
        auth=[],
        request=SignUpSerializer,
        responses={204: None},
    )
    def post(self, request: Request) -> Response:
        sent = SignUpSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        signup.sign_up(request=request._request, **sent.validated_data)
        return Response(status=204)


class ConfirmEmailView(OpenView):
    @extend_schema(
        operation_id="confirm_email",
        summary="Confirm the address of a new account",
        auth=[],
        request=EmailKeySerializer,
        responses={204: None},
    )
    def post(self, request: Request) -> Response:
        sent = EmailKeySerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        signup.confirm(request=request._request, **sent.validated_data)
        return Response(status=204)


class AccountView(APIView):
    is_of_the_account = True
    serializer_class = AccountSerializer

    @extend_schema(operation_id="account_retrieve", summary="Your account")
    def get(self, request: PersonApiRequest) -> Response:
        return Response(AccountSerializer(request.user).data)

    @extend_schema(operation_id="account_update", summary="Change your account")
    def patch(self, request: PersonApiRequest) -> Response:
        sent = AccountSerializer(request.user, data=request.data, partial=True)
        sent.is_valid(raise_exception=True)
        sent.save()
        response = Response(sent.data)
        if sent.validated_data.get("language") == "":
            response.delete_cookie(settings.LANGUAGE_COOKIE_NAME, samesite="Lax")
        return response


class ConsentView(APIView):
    is_of_the_account = True

    @extend_schema(
        operation_id="consent_retrieve",
        summary="What you agreed to",
        responses={200: ConsentSerializer},
    )
    def get(self, request: PersonApiRequest) -> Response:
        return Response(ConsentSerializer(_agreed(request.user)).data)

    @extend_schema(
        operation_id="consent_update",
        summary="Agree that pictures are stored, or that they teach",
        request=AgreementSerializer,
        responses={200: ConsentSerializer},
    )
    def patch(self, request: PersonApiRequest) -> Response:
        sent = AgreementSerializer(data=request.data, context={"request": request})
        sent.is_valid(raise_exception=True)
        if "version" in sent.validated_data:
            born = sent.validated_data.get("date_of_birth")
            consent.give(person=request.user, date_of_birth=born)
        if "teaching" in sent.validated_data:
            consent.allow_teaching(person=request.user, agreed=sent.validated_data["teaching"])
        if "similar" in sent.validated_data:
            consent.allow_similar(person=request.user, agreed=sent.validated_data["similar"])
        return Response(ConsentSerializer(_agreed(request.user)).data)


def _agreed(person: User) -> dict[str, Any]:
    return {
        "version": CONSENT_VERSION,
        "text": CONSENT_TEXT,
        "agreed_to": person.consent_version,
        "agreed_at": person.consented_at,
        "teaching_text": TEACHING_TEXT,
        "teaching_agreed_at": person.teaching_consented_at,
        "similar_text": SIMILAR_TEXT,
        "similar_agreed_at": person.similar_consented_at,
    }
