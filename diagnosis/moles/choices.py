"""Moles in lists to choose from, where no two may read alike."""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any

from django.forms.models import ModelChoiceIterator
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.timezone import localtime

from accounts.models import User
from diagnosis.moles.models import Mole


def offer(field: Any, owner: User) -> None:
    """Make the person's moles, by name, the choices of a ModelChoiceField."""
    field.iterator = _Choices
    field.queryset = owner.moles.order_by("name", "created_at")


def labels(moles: Iterable[Mole]) -> dict[uuid.UUID, str]:
    """Name each of a person's moles, all of which are given; those of one name with their place,
    where that is the same also with the day of the newest picture, else also with a number."""
    moles = sorted(moles, key=attrgetter("created_at"))
    names = {mole.pk: mole.name for mole in moles}
    _add(names, {mole.pk: capfirst(mole.get_body_site_display()) for mole in moles})
    if alike := _alike(names):
        own: Any = Mole.objects.filter(pk__in=alike).with_summary()
        _add(names, {mole.pk: date_format(localtime(mole.last)) for mole in own if mole.last})
    _add(names, _alike(names))
    return names


class _Choices(ModelChoiceIterator):
    def __iter__(self) -> Iterator[tuple[Any, str]]:
        choices = super().__iter__()
        if self.field.empty_label is not None:
            yield next(choices)  # alone: the widget looks at the first choice by itself
        values: list[Any] = [value for value, _name in choices]
        names = labels(value.instance for value in values)
        yield from ((value, names[value.value]) for value in values)


def _alike(names: Mapping[uuid.UUID, str]) -> dict[uuid.UUID, int]:
    """The moles of which another reads alike, each with its number among those."""
    read = {pk: " ".join(name.split()).casefold() for pk, name in names.items()}
    together, numbers = Counter(read.values()), Counter[str]()
    alike = {}
    for pk, name in read.items():
        if together[name] > 1:
            numbers[name] += 1
            alike[pk] = numbers[name]
    return alike


def _add(names: dict[uuid.UUID, str], further: Mapping[uuid.UUID, object]) -> None:
    """Add to the names that read alike what is said of them."""
    for pk in _alike(names):
        if said := further.get(pk):
            names[pk] += f" · {said}"
