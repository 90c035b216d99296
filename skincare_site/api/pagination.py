"""Pages by cursor: each goes on after the last row of the one before."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.core import signing
from django.db.models import Model, Q
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which asks the settings for this module


class LengthSerializer(serializers.Serializer):
    page_size = serializers.IntegerField(required=False, min_value=1)


class KeysetPagination(CursorPagination):
    """In the order of the queryset, by all its columns and the key.

    REST framework's own remembers the first column and counts the rows of equal rank, which skips
    rows when others leave a list meanwhile, and ends at a thousand equals. The method is known as
    keyset or seek pagination: https://use-the-index-luke.com/no-offset.
    """

    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100

    base_url: str
    order: list[str]
    model: type[Model]

    def paginate_queryset(
        self, queryset: Any, request: Request, view: "APIView | None" = None
    ) -> list[Any]:
        self.request = request
        self.base_url = request.build_absolute_uri()
        self.page_size = self.get_page_size(request)
        order: Sequence[str] = queryset.query.order_by or queryset.model._meta.ordering or ("pk",)
        key = "-pk" if order[0].startswith("-") else "pk"
        self.order = [name for name in order if name.lstrip("-") != "pk"] + [key]
        self.model = queryset.model
        backwards, position = self._asked_for()
        if position:
            queryset = queryset.filter(_beyond(self.order, position, backwards))
        queryset = queryset.order_by(*self.order)
        if backwards:
            queryset = queryset.reverse()
        rows = list(queryset[: self.page_size + 1])
        is_more = len(rows) > self.page_size
        self.page = rows[: self.page_size][:: -1 if backwards else 1]
        # Where it came from there is a page, too.
        self.has_next = backwards or is_more
        self.has_previous = is_more if backwards else position is not None
        return self.page

    def get_page_size(self, request: Request) -> int:
        """As long as asked for, but not longer than the longest. Raises ValidationError."""
        asked = LengthSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        return min(asked.validated_data.get("page_size", self.page_size), self.max_page_size)

    def _asked_for(self) -> tuple[bool, list[Any] | None]:
        """The cursor of the request: backwards or not, and the values it goes on after."""
        text = self.request.query_params.get(self.cursor_query_param)
        if text is None:
            return False, None
        try:
            backwards, *values = signing.Signer(salt=self._salt).unsign_object(text)
        except signing.BadSignature:
            raise NotFound(self.invalid_cursor_message) from None
        return backwards, values

    @property
    def _salt(self) -> str:
        """What a cursor is signed for: this order of these rows, so that its values fit."""
        return " ".join(("cursor", self.model._meta.label, *self.order))

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """As OpenAPI 3.1 says it: REST framework's own `nullable` means nothing there."""
        link = {"type": ["string", "null"], "format": "uri"}
        links = {
            "next": link | {"description": "The page after this one."},
            "previous": link | {"description": "The page before this one."},
        }
        names = [*links, "results"]
        return {"type": "object", "required": names, "properties": links | {"results": schema}}

    def get_next_link(self) -> str | None:
        return self._link(False, self.page[-1]) if self.has_next and self.page else None

    def get_previous_link(self) -> str | None:
        return self._link(True, self.page[0]) if self.has_previous and self.page else None

    def _link(self, backwards: bool, row: Model) -> str:
        values = [str(getattr(row, name.lstrip("-"))) for name in self.order]
        # Without the time, which would make another page, and ETag, of the same rows each second.
        text = signing.Signer(salt=self._salt).sign_object([backwards, *values])
        return replace_query_param(self.base_url, self.cursor_query_param, text)


def _beyond(order: list[str], position: list[Any], backwards: bool) -> Q:
    """What comes after the position, in this order; the first condition lets an index help."""
    found, equal = Q(), Q()
    for name, value in zip(order, position, strict=True):
        column = name.lstrip("-")
        less = name.startswith("-") != backwards
        found |= equal & Q(**{f"{column}__{'lt' if less else 'gt'}": value})
        equal &= Q(**{column: value})
    first = order[0].lstrip("-")
    less = order[0].startswith("-") != backwards
    return Q(**{f"{first}__{'lte' if less else 'gte'}": position[0]}) & found
