"""The words in which everybody asks for records: ``MoleRecord.objects.real().of(person)``."""

import re
import uuid
from dataclasses import fields
from itertools import chain
from typing import Any, Self

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db import models
from django.db.models import (
    Case,
    Exists,
    F,
    Func,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Greatest, Least, Now, NullIf

import ml.classifier
from accounts.models import User
from diagnosis.language import terms
from diagnosis.moles.models import (
    MAX_ATTEMPTS,
    OVERDUE,
    TO_BE_SEEN,
    URGENT,
    Change,
    EndedWait,
    Mole,
    open_requests,
    urgent_by_now,
)

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

# The names of the assessment object; Assessment has a column for each.
CONTRACT = tuple(field.name for field in fields(ml.classifier.Assessment))
# As results.advice_that_holds says it of an assessment that has ``asked_before``: advice sorts by
# its first letters from the most urgent on, and null counts not.
ADVICE_THAT_HOLDS = Least(
    "advice",
    NullIf("asked_before", Value("")),
    Case(
        When(usable=False, record__danger=URGENT["doctor_days"], then=Value("doctor_days")),
        When(record__danger__gte=TO_BE_SEEN, then=Value("doctor_weeks")),
    ),
    output_field=models.TextField(),
)
# What the API says of a record beside its pictures, answer and verdicts, and what it pages by.
SAID = (
    *("id", "state", "failure_reason", "mole", "modality", "note", "signs", "size_mm", "changes"),
    *("phone_advice", "created_at", "finished_at", "danger", "stale_since", "is_reviewed"),
    "has_new_alarm",
)


def without_echo(verdicts: QuerySet[Any], doctor: User) -> QuerySet[Any]:
    """Leave out colleagues' verdicts on records on which they wait for this doctor's own."""
    return verdicts.exclude(~Q(doctor=doctor), record__in=_waiting_for(doctor, verdicts))


def _waiting_for(doctor: User, verdicts: QuerySet[Any]) -> QuerySet[Any]:
    waiting = verdicts.model._default_manager.filter(
        second_opinion__asked=doctor,
        second_opinion__second__isnull=True,
        second_opinion__final__isnull=True,
    )
    return waiting.values("record")


class RecordQuerySet(models.QuerySet["MoleRecord"]):
    def of(self, person: User) -> Self:
        """Records of one person."""
        return self.filter(owner=person)

    def real(self) -> Self:
        """Pictures of skin: no doctor, figure or training sees those that our own code drew."""
        return self.exclude(origin="demo")

    def count_pictures(self) -> int:
        """How many pictures these records hold, each of several taken together."""
        further: Any = self.model._meta.get_field("further").related_model
        return self.count() + further.objects.filter(record__in=self.order_by()).count()

    def assessed(self) -> Self:
        """Records that have an answer, be it that the picture can't be used."""
        return self.filter(state__in=self.model.ASSESSED)

    def awaiting_review(self) -> Self:
        """Records that are checked and have no verdict that holds: the doctors' queue.

        One without an answer waits where a sign or change needs a doctor by itself, or another
        version of the program or the camera page wanted one, or a colleague is asked.
        """
        reviews: Any = self.model._meta.get_field("reviews").related_model
        asked = reviews.objects.filter(
            second_opinion__isnull=False, second_opinion__final__isnull=True
        )
        waiting = self.real().filter(state__in=self.model.FINISHED, is_reviewed=False)
        return waiting.filter(Q(state="done") | Q(danger__gt=0) | Q(pk__in=asked.values("record")))

    def with_assessment_json(self, reader: User | None = None) -> Self:
        """Records with their assessment object as PostgreSQL writes it, None while there is none,
        its comparison, and what a doctor ``asked_before``, as ``reader`` may know.

        Decoded only to be encoded again, the heatmaps of a page took most of its time.
        """
        assessments: Any = self.model._meta.get_field("current_assessment").related_model
        said = {name: F(name) for name in CONTRACT} | {"advice": ADVICE_THAT_HOLDS}
        pairs = ((Value(name), value) for name, value in said.items())
        written: Func = Func(
            *chain.from_iterable(pairs),
            function="json_build_object",
            output_field=models.JSONField(),
        )
        current = assessments.objects.filter(pk=OuterRef("current_assessment")).annotate(
            asked_before=self._asked_before(reader, "record__")
        )
        text = current.values(text=Cast(written, models.TextField()))
        # A subquery is left until the page's rows are chosen; a join would be written for all.
        whole = self.with_comparison().with_asked_before(reader)
        return whole.annotate(assessment_json=Subquery(text))

    def for_programs(self) -> Self:
        """Records with what the API says of them to their person, and nothing else."""
        further: Any = self.model._meta.get_field("further").related_model
        # As lists: a manager and two querysets a row took as long as all else of it.
        return (
            self.only(*SAID)
            .with_assessment_json()
            .prefetch_related(
                Prefetch("further", further.objects.all(), to_attr="others"),
                Prefetch("reviews", self._final(), to_attr="verdicts"),
            )
        )

    def with_answers(self, reader: User | None = None) -> Self:
        """Records with what pages show: pictures, answer, comparison, final verdicts, person, mole
        and what a doctor ``asked_before`` of an earlier picture of it.

        ``reader``: as ``told`` says, and with ``waits_for_reader``: whether colleagues wait for
        this doctor's own opinion.
        """
        final = Prefetch("reviews", self.told(reader))
        whole = self.select_related("current_assessment", "mole", "owner").with_comparison()
        whole = whole.with_asked_before(reader)
        if reader:
            waits = Q(pk__in=_waiting_for(reader, self._final()))
            whole = whole.annotate(waits_for_reader=Case(When(waits, then=True), default=False))
        return whole.prefetch_related("further", final)

    def with_asked_before(self, reader: User | None = None) -> Self:
        """Records with ``asked_before``: the most urgent visit that a verdict on an earlier picture
        of the mole asks for, where no later verdict ended it (open_requests); empty elsewhere.

        ``reader``: as for ``without_echo``.
        """
        return self.annotate(asked_before=self._asked_before(reader))

    def with_earlier_danger(self) -> Self:
        """Records with ``earlier_danger``: the greatest of the mole's earlier pictures that are to
        be seen by a doctor (urgent_by_now), where none has written of them, nor of a later one
        since both are of that mole; 0 elsewhere."""
        created = OuterRef("created_at")
        since = Greatest(created, OuterRef("moved_at"), "record__moved_at")  # null counts not
        of_later = {"record__mole": OuterRef("mole"), "record__created_at__gt": created}
        seen = self._final().filter(
            Q(record=OuterRef("pk")) | Q(**of_later, news_since__gt=since), record__is_reviewed=True
        )
        earlier = self.model.objects.filter(~Exists(seen), mole=OuterRef("mole"))
        earlier = earlier.filter(created_at__lt=created).annotate(urgent=urgent_by_now())
        warned = earlier.filter(urgent__gte=TO_BE_SEEN)
        greatest = warned.order_by("-urgent").values("urgent")[:1]
        return self.annotate(earlier_danger=Coalesce(Subquery(greatest), Value(0)))

    def told(self, reader: User | None) -> QuerySet[Any]:
        """The final verdicts of ``with_answers(reader)``: an own calm one may not be what holds,
        where a colleague's is hidden; one that asks for a visit is said all the same."""
        final = self._final()
        if not reader:
            return final
        own = Q(doctor=reader, urgency__in=terms.BY_A_DOCTOR)
        return final.exclude(~own, record__in=_waiting_for(reader, final))

    def _final(self, reader: User | None = None) -> QuerySet[Any]:
        """All final verdicts; ``reader``: as for ``without_echo``."""
        reviews: Any = self.model._meta.get_field("reviews").related_model
        verdicts = reviews.objects.filter(is_final=True)
        return without_echo(verdicts, reader) if reader else verdicts

    def _asked_before(self, reader: User | None, of: str = "") -> Coalesce:
        asking = open_requests(self._final(reader)).filter(
            record__mole=OuterRef(f"{of}mole"), record__created_at__lt=OuterRef(f"{of}created_at")
        )
        return Coalesce(Subquery(asking.values("urgency")[:1]), Value(""))

    def with_settled(self, reader: User | None = None) -> Self:
        """Records ``with_asked_before`` with ``is_settled``: whether a verdict holds, which no sign
        or change, nor a visit asked for since, has overtaken (as verdicts.is_settled says).

        ``reader``: as for ``with_answers``.
        """
        told = self.told(reader).filter(record=OuterRef("pk")).order_by("-news_since")
        holds_not = Q(newest__isnull=True) | Q(asked_before="doctor_weeks", newest="none")
        holds_not |= Q(asked_before="doctor_days") & ~Q(newest="doctor_days")
        if reader:
            holds_not |= Q(pk__in=_waiting_for(reader, self._final()))
        return self.alias(newest=Subquery(told.values("urgency")[:1])).annotate(
            is_settled=Case(When(holds_not, then=False), default=F("is_reviewed"))
        )

    def visit_asked(self) -> str:
        """The soonest visit that doctors ask for because of these records, as if there were no
        others; empty where none does."""
        final = self._final().filter(record__in=self.order_by().values("pk"))
        return open_requests(final).values_list("urgency", flat=True).first() or ""

    def with_comparison(self) -> Self:
        """Records with ``is_compared``, False while a change since the mole's first picture may
        still be found, and ``is_comparable``, False where comparing them came to nothing."""
        return self._with_compared()._with_comparable()

    def _with_compared(self) -> Self:
        before = {"mole": OuterRef("mole"), "created_at__lt": OuterRef("created_at")}
        of_it = Change.objects.filter(after=OuterRef("current_assessment"))
        waits = of_it.filter(
            **{f"before__record__{name}": value for name, value in before.items()},
            result__isnull=True,
            attempts__lt=MAX_ATTEMPTS,
        )
        # It is asked for once both have an answer, where the first has an outline, or is looked at
        # anew: as soon as the mole is followed. For one that waits there is no telling how long.
        is_owed = Q(stale_since__gt=Now() - OVERDUE)
        is_first = is_owed | Q(current_assessment__outline__isnull=False)
        is_to_follow = Exists(EndedWait.objects.filter(moles__contains=[OuterRef("mole")]))
        earlier = self.model.objects.filter(**before, modality=OuterRef("modality"))
        # What came after one that it was compared with will not be the first.
        compared = Change.objects.filter(
            after=OuterRef(OuterRef("current_assessment")),
            before__record__mole=OuterRef("mole"),
            before__record__created_at__lte=OuterRef("created_at"),
        )
        soon = earlier.filter(
            Q(state__in=self.model.PENDING) | Q(is_first, is_to_follow, state="done"),
            ~Exists(compared),
        )
        # Measured, and not said of the record yet.
        measured = of_it.filter(result__isnull=False).exclude(result__changes=[])
        unsaid = Q(Exists(measured), is_to_follow, changes=[])
        is_open = Q(state="done") & (Q(Exists(waits)) | Q(Exists(soon)) | unsaid)
        return self.annotate(is_compared=Case(When(is_open, then=False), default=True))

    def _with_comparable(self) -> Self:
        # The first is that of changes.firsts.
        has_outline = Q(current_assessment__outline__isnull=False)
        first = self.model.objects.filter(
            has_outline | Q(stale_since__gt=Now() - OVERDUE),
            mole=OuterRef("mole"),
            modality=OuterRef("modality"),
            state="done",
        ).order_by("created_at", "pk")
        is_given_up = Q(result__isnull=True, attempts__gte=MAX_ATTEMPTS)
        failed = Change.objects.filter(
            is_given_up | (Q(result__isnull=False) & ~Q(result__reason="")),
            before=OuterRef("first_answer"),
            after=OuterRef("current_assessment"),
        )
        whole = self.alias(first_answer=Subquery(first.values("current_assessment")[:1]))
        return whole.annotate(is_comparable=~Exists(failed))

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
