"""The report, and share links: made by a person, opened by a doctor without an account."""

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from rest_framework.throttling import SimpleRateThrottle

from accounts.requests import PersonRequest, own_or_gone
from diagnosis.language import changes as language
from diagnosis.language import plots, results, terms, verdicts
from diagnosis.moles import changes, choices
from diagnosis.records import responses, sittings
from diagnosis.sharing import links, report
from diagnosis.sharing.models import Share
from diagnosis.sharing.responses import mole_pdf, pdf_answer, record_pdf


class ShareForm(forms.Form):
    days = forms.TypedChoiceField(
        label=gettext_lazy("The link works for"),
        coerce=int,
        # For each request: an interpolated text is no longer lazy.
        choices=lambda: [
            (days, ngettext("%(number)s day", "%(number)s days", days) % {"number": days})
            for days in links.DAYS
        ],
        initial=7,
        widget=forms.RadioSelect,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def share_mole(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    return _share(request, mole=get_object_or_404(request.user.moles, pk=pk))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def share_record(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    return _share(request, record=get_object_or_404(request.user.records, pk=pk))


@require_safe
@never_cache
@login_required
def share_list(request: PersonRequest) -> HttpResponse:
    shown = list(links.active().filter(owner=request.user).select_related("record"))
    opened = links.openings(shown)
    names = choices.labels(request.user.moles.all())
    site = request.build_absolute_uri("/")
    context = {
        "links": [
            {
                "share": link,
                "mole": link.mole_id and names.get(link.mole_id),
                "address": links.address(link, site=site),
                "opened": opened.get(str(link.pk)),
            }
            for link in shown
        ]
    }
    return render(request, "diagnosis/shares.html", context)


@require_POST
@login_required
def share_revoke(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    if share := own_or_gone(Share.objects, Q(owner=request.user), pk=pk):
        links.revoke(share=share, by=request.user)
    messages.success(request, _("The link no longer works."))
    return redirect("diagnosis:shares")


class ShareThrottle(SimpleRateThrottle):
    """By address, whatever key is tried."""

    scope = "share"

    def get_cache_key(self, request: HttpRequest, view: None) -> str:
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}


def with_key(view: Callable) -> Callable:
    """Hand the share that the key opens to the view; slow down whoever tries many.

    The key stands in the query, which the access log leaves out.
    """

    @require_safe
    @never_cache
    @wraps(view)
    def checked(request: HttpRequest, **kwargs: uuid.UUID) -> HttpResponse:
        share = links.opened_by(request.GET.get("key", ""))
        # Pictures of a share that opens are parts of its page.
        if not (share and kwargs) and not ShareThrottle().allow_request(request, None):
            return render(request, "429.html", status=429)
        if share is None:
            return render(request, "diagnosis/shared_closed.html", status=404)
        if request.method == "GET" and not kwargs:
            links.log(share)
        response = view(request, share, **kwargs)
        # Not the key; no-referrer would send no origin either, without which no form is taken.
        response["Referrer-Policy"] = "strict-origin"
        response["X-Robots-Tag"] = "noindex"
        return response

    return checked


@with_key
def shared(request: HttpRequest, share: Share) -> HttpResponse:
    shown = list(links.records_of(share))
    found = changes.of(shown) if share.of_mole else {}
    compared = [record for record in found if changes.is_over(found[record])]
    context = {
        "share": share,
        "mole": share.of_mole,
        "born": report.born(share.owner, shown),
        "query": urlencode({"key": request.GET["key"]}),
        "entries": [
            {
                "record": record,
                "answer": results.answer(record),
                "verdicts": verdicts.of(record),
                "signs": terms.listed(results.signs(record)),
                "tag": results.tag_of_program(record),
                "alarm": results.alarm_without_answer(record),
                "overtaken": verdicts.overtaken(record),
                "parts": results.parts(record),
            }
            for record in reversed(shown)
        ],
        "plot": plots.size_plot(shown),
        "area_plot": plots.area_plot(found),
        "picture_view": "diagnosis:shared_image",
    }
    if compared:
        newest = compared[-1]
        change = found[newest]
        of_newest = results.tag(newest)["tone"]
        given_up = changes.is_given_up(change)
        said = language.say(change, of_later=of_newest, later_mm=newest.size_mm, given_up=given_up)
        context |= language.beside(said, (change.before.record, newest))
    return render(request, "diagnosis/shared.html", context)


@with_key
def shared_report(request: HttpRequest, share: Share) -> HttpResponse:
    its = links.records_of(share)
    pdf = report.write(person=share.owner, records=its, mole=share.of_mole, share=share)
    return pdf_answer(pdf, "shared")


@with_key
def shared_image(request: HttpRequest, share: Share, pk: uuid.UUID) -> HttpResponse:
    its = links.records_of(share).filter(Q(pk=pk) | Q(further=pk)).distinct()
    return responses.picture(request, sittings.picture_of(get_object_or_404(its), pk))


def _share(request: PersonRequest, **what: Any) -> HttpResponse:
    form = ShareForm(request.POST or None)
    if form.is_valid():
        if links.create_once(owner=request.user, days=form.cleaned_data["days"], **what):
            messages.success(request, _("The link is ready. Send it to your doctor."))
        else:
            said = _("You made this link just now. Nothing was made a second time.")
            messages.info(request, said)
        return redirect("diagnosis:shares")
    status = 400 if form.errors else 200
    return render(request, "diagnosis/share_new.html", {"form": form, **what}, status=status)


@require_safe
@login_required
def mole_report(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    return mole_pdf(request.user, pk)


@require_safe
@login_required
def record_report(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    return record_pdf(request.user, pk)
