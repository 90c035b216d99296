"""The words in which everybody asks for records: ``MoleRecord.objects.real().of(person)``."""

import re
import uuid
from typing import TYPE_CHECKING, Self

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db import models
from django.db.models import Func, Prefetch, Q, Value

from accounts.models import User
from diagnosis.moles.models import Mole

if TYPE_CHECKING:
    pass

# PostgreSQL takes a file's name for one word, and the month of a date for a negative number.
NOTE_WORDS = SearchVector(
    Func(
        "note",
        Value("-+./"),
        Value("    "),
        function="translate",
        output_field=models.TextField(),
    ),
    config="simple",
)
# Of a record, or after P- of a person, without its dashes.
START_OF_AN_ID = re.compile(r"P?([0-9a-f]{8,32})", re.IGNORECASE)


class RecordQuerySet(models.QuerySet["MoleRecord"]):
    def of(self, person: User) -> Self:
        """Records of one person."""
        return self.filter(owner=person)

    def real(self) -> Self:
        """Pictures of skin: no doctor, figure or training sees those that our own code drew."""
        return self.exclude(origin="demo")

    def assessed(self) -> Self:
        """Records that have an answer, be it that the picture can't be used."""
        return self.filter(state__in=self.model.ASSESSED)

    def awaiting_review(self) -> Self:
        """Records that have an answer and no verdict: the doctors' queue."""
        return self.real().filter(state="done", is_reviewed=False)

    def with_results(self) -> Self:
        """Records with their pictures, the answer and the verdicts that are final."""
        reviews = self.model._meta.get_field("reviews").related_model
        final = Prefetch("reviews", reviews.objects.filter(is_final=True))
        return self.select_related("current_assessment").prefetch_related("further", final)

    def with_answers(self) -> Self:
        """Records with what pages show: the person and the mole, too."""
        return self.with_results().select_related("mole", "owner")

    def search(self, text: str) -> Self:
        """Records by words that begin so in the note, the mole's name, or the start of an id.

        What may be the id of a record or a person may also be a date, or a file's name in a note.
        """
        words = SearchQuery(
            " & ".join(f"{word}:*" for word in re.findall(r"\w+", text)),
            config="simple",
            search_type="raw",
        )
        records = self.model.objects.order_by()
        found = [
            records.alias(words=NOTE_WORDS).filter(words=words),
            records.filter(mole__in=Mole.objects.filter(name__icontains=text).values("pk")),
        ]
        if start := START_OF_AN_ID.fullmatch(text.strip().replace("-", "")):
            low, high = (uuid.UUID(start[1].ljust(32, fill)) for fill in "0f")
            found.append(
                records.filter(Q(pk__range=(low, high)) | Q(owner__gte=low, owner__lte=high))
            )
        # A union of sets: with one condition for all of them, no index would help.
        first, *others = (each.values("pk") for each in found)
        return self.filter(pk__in=first.union(*others))
