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
    """A form in which only the fields of ``several`` may be there more than once, and in which none
    is lost by how its name or its text is written."""

    several: tuple[str, ...] = ()

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, QueryDict):  # JSON is looked at by its parser
            wrong = {name: [problem] for name in data if (problem := self._problem(name, data))}
            if wrong:
                raise serializers.ValidationError(wrong)
        return super().to_internal_value(data)

    def _problem(self, name: str, data: QueryDict) -> str:
        """What is wrong with the field of this name; or empty."""
        said = data.getlist(name)
        if name not in self.several and len(said) > 1:
            return _("It is there twice.")
        field, bracket, _index = name.partition("[")
        if bracket and field in self.fields:
            # As some libraries write a list: what is said in it would be passed over.
            return _("Call it %(name)s, without brackets.") % {"name": field}
        # What the reader of forms puts in place of bytes that are no UTF-8, and who pastes has.
        if any(isinstance(each, str) and "\ufffd" in each for each in said):
            return _("It holds a letter that is lost (�). Write it anew; programs send UTF-8.")
        return ""
