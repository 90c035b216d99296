"""A mole's pages: its records over time, and what the person changes about it."""

import uuid
from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh, retarget

from accounts.requests import PersonRequest
from diagnosis.language import changes as language
from diagnosis.language import plots, results, terms, verdicts
from diagnosis.limits import TryLater
from diagnosis.moles import changes, edits, reminders
from diagnosis.moles.models import Change, Mole
from ml import taxonomy

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from diagnosis.records.models import MoleRecord

PAGE_SIZE = 20  # pictures of a mole
MOLES = 100  # side by side
LOOKS = 30  # at a comparison that is being made, two seconds apart
MoleForm = forms.modelform_factory(Mole, fields=["name", "body_site"])
# So that each says whether it was changed here: what is left was perhaps changed in another tab.
for field in MoleForm.base_fields.values():
    field.show_hidden_initial = True
ReminderForm = forms.modelform_factory(
    Mole,
    fields=["remind_after_days"],
    labels={"remind_after_days": gettext_lazy("Remind me to take a new picture")},
)


@require_safe
@login_required
def mole_list(request: PersonRequest) -> HttpResponse:
    """All moles beside each other, by their place on the body, each by its newest picture, and
    by what is said of the newest one that can be judged."""
    page = Paginator(request.user.moles.by_place(), MOLES).get_page(request.GET.get("page"))
    shown = {key for mole in page for key in (mole.cover, mole.judged, mole.told) if key}
    tags: dict[uuid.UUID | None, dict] = {
        record.pk: results.tag(record)
        for record in request.user.records.filter(pk__in=shown).with_answers().with_earlier_danger()
    }
    places = [
        {
            "code": site or "unknown",
            "name": terms.BODY_SITES.get(site, _("Place not named")),
            "entries": [_entry(mole, tags) for mole in moles],
        }
        for site, moles in groupby(page, attrgetter("body_site"))
    ]
    return render(request, "diagnosis/moles.html", {"page": page, "places": places})


def _entry(mole: Mole, tags: dict[uuid.UUID | None, dict]) -> dict[str, Any]:
    """A mole with what is said of it: what was told since counts where it is more urgent."""
    tones = [results.TONES[advice] for advice in taxonomy.ADVICE]
    said = [key for key in (mole.judged, mole.told) if key in tags]
    stands = max(said, key=lambda key: tones.index(tags[key]["tone"]), default=mole.cover)
    newest = tags.get(mole.cover) if stands != mole.cover else None
    return {"mole": mole, "tag": tags.get(stands), "newest": newest}


@require_safe
@login_required
def mole_detail(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    mole = _mole(request, pk)
    records = mole.records.with_answers().with_earlier_danger()
    page = Paginator(records, PAGE_SIZE).get_page(request.GET.get("page"))
    dates = _dates(mole)
    compare = _two_of(dates, request.GET)
    context = {
        "mole": mole,
        "page": page,
        "entries": results.entries(page),
        "plot": plots.size_plot(dates),
        "area_plot": plots.area_plot(changes.of(dates)) if compare else None,
        "compare": compare,
        "dates": dates,
        "reminder_form": ReminderForm(instance=mole),
    }
    status, headers = 200, {}
    if compare:
        try:
            context |= _said(mole, compare, looks=0, read=page)
        except TryLater as later:  # all but the comparison is there
            status, headers = later.status, {"Retry-After": str(later.seconds)}
            context["compare"] = ()
            messages.error(request, later.sentence)
    return TemplateResponse(
        request, "diagnosis/mole_detail.html", context, status=status, headers=headers
    )


@require_safe
def mole_change(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    """The part of a mole's page that htmx puts in place of the one that waits."""
    if not request.user.is_authenticated:
        # Signed out meanwhile: the whole page asks to sign in.
        here = request.get_full_path()
        return HttpResponseClientRefresh() if request.htmx else redirect_to_login(here)
    mole = _mole(request, pk)
    if not request.htmx:
        return redirect("diagnosis:mole_detail", pk=pk)
    compare = _two_of(_dates(mole), request.GET)
    if not compare:
        return HttpResponseClientRefresh()  # a picture was deleted meanwhile
    asked = request.GET.get("looks", "")
    looks = int(asked) if asked.isdecimal() and len(asked) < 5 else LOOKS
    context = _said(mole, compare, looks, read=()) | {
        "mole": mole,
        "compare": compare,
        "announce": True,
    }
    if context["said"].waiting:
        # The pictures stay as they are, with the focus and the view that was chosen.
        return retarget(render(request, "diagnosis/_comparing.html", context), "#comparing")
    return render(request, "diagnosis/_change.html", context)


@require_safe
@login_required
def mole_marker(request: PersonRequest) -> HttpResponse:
    """The marker to be printed and laid beside a mole, in millimetres."""
    # OpenCV is loaded for this page only.
    from ml.change import markers

    cell = markers.SIDE_MM / len(markers.cells())
    squares = [
        {"x": markers.SIDE_MM + column * cell, "y": markers.SIDE_MM + row * cell}
        for row, cells in enumerate(markers.cells())
        for column, is_black in enumerate(cells)
        if is_black
    ]
    context = {"squares": squares, "cell": cell, "side": markers.SIDE_MM}
    return render(request, "diagnosis/marker.svg", context, content_type="image/svg+xml")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def mole_edit(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    mole = _mole(request, pk)
    form = MoleForm(request.POST or None, instance=mole)
    if form.is_valid():
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        edits.change(mole=mole, by=request.user, **changed)
        messages.success(request, _("The mole’s name and place are saved."))
        return redirect("diagnosis:mole_detail", pk=pk)
    context = {"form": form, "mole": get_object_or_404(Mole, pk=pk)}
    status = 400 if form.errors else 200
    return render(request, "diagnosis/mole_edit.html", context, status=status)


@require_POST
@login_required
def mole_reminder(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    mole = _mole(request, pk)
    form = ReminderForm(request.POST, instance=mole)
    if form.is_valid():
        edits.change(mole=mole, by=request.user, **form.cleaned_data)
        messages.success(request, _("Your reminder is saved."))
    return redirect("diagnosis:mole_detail", pk=pk)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@reauthentication_required(allow_get=True)
def mole_delete(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    mole = _mole(request, pk)
    if request.method == "POST":
        edits.delete(mole=mole, by=request.user)
        messages.success(request, _("The mole, its pictures and their results are deleted."))
        return redirect("diagnosis:history")
    context = {
        "mole": mole,
        "pictures": mole.records.count_pictures(),
        "ends": verdicts.asked_no_more(mole.records.visit_asked()),
    }
    return render(request, "diagnosis/mole_delete.html", context)


# Mail programs post here without a cookie (RFC 8058): the signed key says whose reminders.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def reminders_off(request: HttpRequest) -> HttpResponse:
    """GET changes nothing: mail filters open every link before its reader does."""
    key = request.GET.get("key", "")
    if request.method != "POST":
        return render(request, "diagnosis/reminders_off.html", {"asks": True})
    known = reminders.switch_off(key)
    return render(
        request, "diagnosis/reminders_off.html", {"known": known}, status=200 if known else 400
    )


def _dates(mole: Mole) -> list["MoleRecord"]:
    fields = ("mole", "created_at", "size_mm", "modality", "state", "current_assessment")
    return list(mole.records.order_by("created_at").only(*fields, "stale_since"))


def _said(
    mole: Mole, compare: tuple["MoleRecord", ...], looks: int, read: Iterable["MoleRecord"]
) -> dict[str, Any]:
    """What a page says of the two; of ``read``, it knows already what is said of each."""
    change = changes.between(*compare)
    if change == changes.NOT_ASSESSED and any(record.state == "unusable" for record in compare):
        change = "unusable"  # no answer is to come; programs read the state of the record
    given_up = isinstance(change, Change) and changes.is_given_up(change)
    of_later: StrOrPromise = "calm"
    if isinstance(change, Change) and changes.is_measured(change):
        later = compare[-1]
        own = mole.records.with_answers().with_earlier_danger()
        known = next((record for record in read if record == later), None)
        of_later = results.tag(known or get_object_or_404(own, pk=later.pk))["tone"]
    said = language.say(change, of_later=of_later, later_mm=compare[-1].size_mm, given_up=given_up)
    return language.beside(said, compare) | {
        "looks": looks + 1 if looks < LOOKS else None,
        "picture_view": "diagnosis:record_image",
    }


def _mole(request: PersonRequest, pk: uuid.UUID) -> Mole:
    return get_object_or_404(request.user.moles, pk=pk)


def _two_of(dates: list["MoleRecord"], asked: QueryDict) -> tuple["MoleRecord", ...]:
    """The two pictures to compare, the older one first: those asked for, else the last that is
    judged, and what it is compared with, or the first."""
    if len(dates) < 2:
        return ()
    known = {str(record.pk): record for record in dates}
    judged = [record for record in dates if changes.is_judged(record)]
    first, *_between, last = judged if len(judged) > 1 else dates
    compared = changes.firsts(dates).get(last.modality, first)
    first = first if compared == last else compared
    two = known.get(asked.get("before", ""), first), known.get(asked.get("after", ""), last)
    # Only more colours or a more ragged edge is said: backwards, it would be a false calm.
    return tuple(sorted(two, key=dates.index))
