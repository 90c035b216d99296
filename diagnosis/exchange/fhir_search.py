"""Searches for reports, by parameters of FHIR R4: https://hl7.org/fhir/R4/search.html."""

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import QueryDict
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from accounts.models import User
from diagnosis.exchange import fhir
from diagnosis.records.models import MoleRecord
from diagnosis.records.querysets import RecordQuerySet

COUNT, MOST = 20, 100
# An hour has its minutes (FHIR R4, dateTime); a + that was sent unescaped is a space.
TIME = re.compile(
    r"T\d\d:\d\d(?:(?P<seconds>:\d\d)(?:\.(?P<parts>\d+))?)?(?:Z|[-+ ]\d\d:\d\d)?", re.ASCII
)
DATE = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb)?(\d{4})(?:-(\d\d)(?:-(\d\d)(T.+)?)?)?", re.ASCII)
# The prefixes of a date, for a column; what is compared is the range of time that it stands for.
COMPARED: dict[str, Callable[[str, datetime, datetime], Q]] = {
    "eq": lambda of, start, end: Q((f"{of}__gte", start), (f"{of}__lt", end)),
    "ne": lambda of, start, end: ~Q((f"{of}__gte", start), (f"{of}__lt", end)),
    "gt": lambda of, start, end: Q((f"{of}__gte", end)),
    "sa": lambda of, start, end: Q((f"{of}__gte", end)),
    "ge": lambda of, start, end: Q((f"{of}__gte", start)),
    "lt": lambda of, start, end: Q((f"{of}__lt", start)),
    "eb": lambda of, start, end: Q((f"{of}__lt", start)),
    "le": lambda of, start, end: Q((f"{of}__lt", end)),
}
DROPPED = Q(state=MoleRecord.State.FAILED, danger=0, asked_before="", is_reviewed=False)
STATUSES = {
    "registered": Q(is_settled=False) & ~Q(state__in=MoleRecord.ASSESSED) & ~DROPPED,
    "cancelled": Q(is_settled=False) & DROPPED,
    "preliminary": Q(is_settled=False, state__in=MoleRecord.ASSESSED),
    "final": Q(is_settled=True),
}
# Those whose Patient is known (fhir.subject).
OF_A_PATIENT = Q(origin__in=MoleRecord.OF_ITS_OWNER)
INCLUDES = ("result", "media", "patient", "subject")
FORMATS = ("json", "application/json", "application/fhir+json")


def page(
    records: RecordQuerySet, query: QueryDict, base: str, reader: User
) -> tuple[list[MoleRecord], dict]:
    """The records of one page, newest first, and the searchset Bundle of them.

    ``records``: with what reports hold (``with_answers(reader)``).
    Raises ValidationError, which names the parameter.
    """
    count, after, includes = COUNT, None, set()
    if "_lastUpdated" in query:
        records = fhir.with_last_updated(records, reader)
    if "status" in query:
        records = records.with_settled(reader)
    for name in query:
        for value in query.getlist(name):
            match name:
                case "_count":
                    count = _count(value)
                case "_after":
                    after = _after(value)
                case "_include":
                    includes |= _include(value)
                case "_format":
                    if value.replace(" ", "+") not in FORMATS:  # a plus that nobody encoded
                        raise _refused(name, value)
                case _:
                    records = records.filter(_condition(name, value))
    total = records.count()
    later = records.filter(after) if after else records
    found = list(later.order_by("-created_at", "-pk")[: count + 1])
    rest, shown = found[count:], found[:count]
    links = [{"relation": "self", "url": _address(base, query)}]
    if rest and shown:
        last = f"{shown[-1].created_at.isoformat()}_{shown[-1].pk}"
        links.append({"relation": "next", "url": _address(base, query, _after=last)})
    entries = [_entry(base, fhir.report(record), "match") for record in shown]
    entries += [_entry(base, each, "include") for each in _included(shown, includes, base)]
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": total, "link": links}
    return shown, bundle | ({"entry": entries} if entries else {})


def _condition(name: str, value: str) -> Q:
    match name:
        case "patient" | "subject":
            return Q(owner=_id(name, value.removeprefix("Patient/"))) & OF_A_PATIENT
        case "date":
            return _date(name, value, "created_at")
        case "_lastUpdated":
            return _date(name, value, "last_updated")
        case "status" if all(each in STATUSES for each in value.split(",")):
            wanted = Q()
            for each in value.split(","):
                wanted |= STATUSES[each]
            return wanted
        case "_id" if value.count(",") < MOST:
            return Q(pk__in=[_id(name, each) for each in value.split(",")])
    raise _refused(name, value)


def _date(name: str, value: str, column: str) -> Q:
    """A date of any precision, after a prefix or none."""
    found = DATE.fullmatch(value)
    if found is None:
        raise _refused(name, value)
    prefix, year, month, day, time = found.groups()
    clock = TIME.fullmatch(time or "")
    if time and clock is None:
        raise _refused(name, value)
    try:
        if clock:
            start = parse_datetime(value.removeprefix(prefix or "").replace(" ", "+"))
            if start is None:
                raise _refused(name, value)
            # The database knows no time zone as far from UTC as Python does.
            start = start.astimezone(UTC) if start.tzinfo else start.replace(tzinfo=UTC)
        else:
            start = datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise _refused(name, value) from error
    return COMPARED[prefix or "eq"](column, start, _end(start, month, day, clock))


def _end(start: datetime, month: str | None, day: str | None, clock: re.Match | None) -> datetime:
    """Before which its range ends: of 9999-12-31, which many write for ever, with all time."""
    try:
        if clock:
            return start + _width(clock)
        if day:
            return start + timedelta(days=1)
        if month:
            return (start + timedelta(days=32)).replace(day=1)
        return start.replace(year=start.year + 1)
    except (ValueError, OverflowError):
        return datetime.max.replace(tzinfo=UTC)


def _width(clock: re.Match) -> timedelta:
    """How long the moment lasts that is written so: a minute, a second, or a part of one."""
    if clock["seconds"] is None:
        return timedelta(minutes=1)
    digits = len(clock["parts"] or "")
    return timedelta(microseconds=10 ** max(6 - digits, 0))


def _count(value: str) -> int:
    if not re.fullmatch(r"\d{1,6}", value):
        raise _refused("_count", value)
    return min(int(value), MOST)


def _after(value: str) -> Q:
    """Where the next page begins: a place in the order, so that what is new does not move it."""
    moment, _underscore, pk = value.replace(" ", "+").partition("_")
    try:
        at = parse_datetime(moment)
        if at is None or at.tzinfo is None:
            raise _refused("_after", value)
        at = at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _refused("_after", value) from error
    return Q(created_at__lt=at) | Q(created_at=at, pk__lt=_id("_after", pk))


def _include(value: str) -> set[str]:
    if value == "*":
        return set(INCLUDES)
    name = value.removeprefix("DiagnosticReport:")
    if name not in INCLUDES:
        raise _refused("_include", value)
    return {name}


def _included(records: list[MoleRecord], includes: set[str], base: str) -> list[fhir.Resource]:
    """What the reports refer to, each once."""
    found: dict[str, fhir.Resource] = {}
    for record in records:
        resources = []
        if "result" in includes:
            resources += fhir.observations(record)
        if "media" in includes:
            resources += [fhir.media(record, picture, base) for picture in record.pictures]
        if includes & {"patient", "subject"} and fhir.subject(record):
            resources.append(fhir.patient(record.owner))
        found |= {f"{each['resourceType']}/{each['id']}": each for each in resources}
    return list(found.values())


def _id(name: str, value: str) -> uuid.UUID:
    try:
        return uuid.UUID(value)
    except ValueError as error:
        raise _refused(name, value) from error


def _address(base: str, query: QueryDict, **changes: str) -> str:
    pairs = [(name, each) for name in query for each in query.getlist(name) if name not in changes]
    encoded = urlencode([*pairs, *changes.items()])
    return f"{base}/DiagnosticReport" + (f"?{encoded}" if encoded else "")


def _entry(base: str, resource: fhir.Resource, mode: str) -> fhir.Resource:
    return {
        "fullUrl": f"{base}/{resource['resourceType']}/{resource['id']}",
        "resource": resource,
        "search": {"mode": mode},
    }


def _refused(name: str, value: str) -> ValidationError:
    return ValidationError(
        _("This search is not supported: %(name)s=%(value)s. See metadata for what is.")
        % {"name": name[:50], "value": value[:100]}
    )
