"""How a person narrows down the history."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.requests import PersonApiRequest
from diagnosis.language import terms
from diagnosis.moles import choices
from diagnosis.moles.models import Mole
from diagnosis.records.models import MoleRecord

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class _Choices(list):
    """Not copied with the filters for each request: that took a seventh of a page's time."""

    def __deepcopy__(self, memo: dict) -> Self:
        return self


def _capitalised(names: Mapping[str, "StrOrPromise"]) -> _Choices:
    return _Choices((code, capfirst(name)) for code, name in names.items())


class RecordFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(
        label=_("In your notes"), field_name="note", lookup_expr="icontains"
    )
    mole = django_filters.ModelChoiceFilter(
        label=_("Mole"), queryset=Mole.objects.none(), empty_label=_("All")
    )
    body_site = django_filters.ChoiceFilter(
        label=_("Where on the body"),
        field_name="mole__body_site",
        choices=_capitalised(terms.BODY_SITES),
        empty_label=_("All"),
    )
    category = django_filters.ChoiceFilter(
        label=_("The program’s group"),
        field_name="current_assessment__risk_category",
        choices=_capitalised(terms.RISK_CATEGORIES),
        empty_label=_("All"),
    )
    state = django_filters.ChoiceFilter(
        label=_("State"),
        choices=_capitalised(dict(MoleRecord.State.choices)),
        empty_label=_("All"),
    )
    since = django_filters.DateFilter(
        label=_("From"),
        field_name="created_at__date",
        lookup_expr="gte",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    until = django_filters.DateFilter(
        label=_("Until"),
        field_name="created_at__date",
        lookup_expr="lte",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )

    class Meta:
        model = MoleRecord
        fields: list[str] = []

    def __init__(self, data: dict, queryset: QuerySet, *, owner: User) -> None:
        super().__init__(data, queryset)
        choices.offer(self.filters["mole"].field, owner)

    @property
    def is_on(self) -> bool:
        """Whether anything is left out."""
        return any(self.form[name].value() for name in self.filters)


class ProgramFilter(RecordFilter):
    """The same for a program, which may also choose the order."""

    ordering = django_filters.OrderingFilter(
        fields=["created_at", "danger"],
        help_text=_("created_at or danger, with a minus before it for the other way round."),
    )

    def __init__(
        self, data: dict, queryset: QuerySet, *, request: PersonApiRequest, **_: Any
    ) -> None:
        super().__init__(data, queryset, owner=request.user)
