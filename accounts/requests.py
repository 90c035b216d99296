"""Requests as views get them whose person is signed in, and forms that programs send."""

from typing import Any

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _
from django_htmx.middleware import HtmxDetails
from rest_framework import serializers
from rest_framework.request import Request

from accounts.models import User


class PersonRequest(HttpRequest):
    """What a view below ``login_required`` gets, and one of the admin."""

    user: User
    htmx: HtmxDetails


class PersonApiRequest(Request):
    """What a view of the API gets that asks for a person."""

    user: User


class FormSerializer(serializers.Serializer):
    """A form in which only the fields of ``several`` may be there more than once."""

    several: tuple[str, ...] = ()

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        names = data if isinstance(data, QueryDict) else ()  # JSON is looked at by its parser
        twice = [n for n in names if n not in self.several and len(data.getlist(n)) > 1]
        if twice:
            raise serializers.ValidationError({name: [_("It is there twice.")] for name in twice})
        return super().to_internal_value(data)
