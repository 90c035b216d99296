"""Requests as views get them whose person is signed in, what these name, and programs' forms."""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db.models import Manager, Model, Q
from django.http import Http404, HttpRequest, QueryDict
from django.utils.translation import gettext as _
from django_htmx.middleware import HtmxDetails
from rest_framework import serializers
from rest_framework.request import Request

from accounts.models import User

Row = TypeVar("Row", bound=Model)


class PersonRequest(HttpRequest):
    """What a view below ``login_required`` gets, and one of the admin."""

    user: User
    htmx: HtmxDetails


class PersonApiRequest(Request):
    """What a view of the API gets that asks for a person."""

    user: User


def own_or_gone(rows: "Manager[Row]", own: Q, **which: Any) -> Row | None:
    """Find the person's own row; None where it has ended, in another tab or by itself.

    Raises Http404 where it is another person's.
    """
    row = rows.filter(own, **which).first()
    if row is None and rows.filter(**which).exists():
        raise Http404
    return row


class ChoicesField(serializers.MultipleChoiceField):
    """A list of choices. Of an object it would take the names, whatever is said of each."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            self.fail("not_a_list", input_type=type(data).__name__)
        return super().to_internal_value(data)


class FormSerializer(serializers.Serializer):
    """A form in which only the fields of ``several`` may be there more than once."""

    several: tuple[str, ...] = ()

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        names = data if isinstance(data, QueryDict) else ()  # JSON is looked at by its parser
        twice = [n for n in names if n not in self.several and len(data.getlist(n)) > 1]
        if twice:
            raise serializers.ValidationError({name: [_("It is there twice.")] for name in twice})
        return super().to_internal_value(data)
