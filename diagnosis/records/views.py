"""One record's pages. Everyone sees their own only; another's are not found."""

import contextlib
import uuid
from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh, reselect, reswap, retarget

from accounts.requests import PersonRequest
from diagnosis import limits, mails
from diagnosis.language import frequencies, results, verdicts
from diagnosis.moles import choices, edits
from diagnosis.records import (
    answers,
    assessments,
    claims,
    demos,
    pictures,
    responses,
    sittings,
    uploads,
)
from diagnosis.records.forms import AnswersForm, DemoForm, MoleForm, PictureForm, RecordForm
from diagnosis.records.models import MoleRecord
from ml.sitting.together import MOST

# Seconds between two looks at a waiting record; after the last look the person asks.
POLL_DELAYS = [1, 1, 1, 2, 3, 5, 8, *[10] * 60]
# Built once: that takes longer than the database, and a waiting page asks each second.
WITH_ANSWERS = MoleRecord.objects.with_answers().with_earlier_danger()


@require_safe
@cache_control(public=True, max_age=86400)
def demo_image(request: HttpRequest, name: str) -> HttpResponse:
    if name not in demos.NAMES:
        raise Http404
    return HttpResponse(demos.preview(name), content_type="image/jpeg")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def record_new(request: PersonRequest) -> HttpResponse:
    if not request.user.consent_version:
        return redirect_to_login(request.get_full_path(), reverse("accounts:consent"))
    form = RecordForm(owner=request.user, initial=_asked_for(request))
    demo_form = DemoForm(owner=request.user)
    status, headers = 200, {}
    sent_before = None
    if request.method == "POST":
        status = 400
        which = DemoForm if "demo" in request.POST else RecordForm
        sent = which(request.POST, request.FILES, owner=request.user)
        place = "image" if "image" in sent.fields else None
        if sent.is_valid():
            try:
                return redirect("diagnosis:record_detail", pk=sent.submit().pk)
            except edits.SeveralMoles as several:
                sent.add_error("name", several)
            except ValidationError as refused:
                of_fields = hasattr(refused, "error_dict")
                sent.add_error(None if of_fields else place, refused)
                status = 413 if getattr(refused, "code", "") == "too_large" else 400
            except limits.TryLater as later:
                sent.add_error(place, later.sentence)
                status, headers = later.status, {"Retry-After": str(later.seconds)}
            except uploads.SentBefore as same:
                sent_before, status = same, 409
        if isinstance(sent, DemoForm):
            demo_form = sent
        else:
            form = sent
    context = {
        "form": form,
        "sent_before": sent_before,
        "demo_form": demo_form,
        "demos": demos.offered(),
        "no_id": uuid.UUID(int=0),
        "max_bytes": pictures.MAX_BYTES,
        "max_megabytes": pictures.MAX_BYTES // 1024**2,
        "max_together": pictures.MAX_TOGETHER,
        "max_together_megabytes": pictures.MAX_TOGETHER // 1024**2,
        "most": MOST,
    }
    return TemplateResponse(
        request, "diagnosis/record_new.html", context, status=status, headers=headers
    )


@require_safe
@login_required
def record_detail(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    record = _record(request, pk)
    context = _result(record, looks=0) | {"again": "again" in request.GET}
    if record.is_pending:
        context |= {"form": _answers_form(request, record), "seen": answers.tag(record)}
    return render(request, "diagnosis/record_detail.html", context)


@require_safe
def record_state(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The part of the result page that htmx puts in place of the waiting one."""
    if not request.htmx:
        return redirect("diagnosis:record_detail", pk=pk)
    if not request.user.is_authenticated:
        return HttpResponseClientRefresh()  # signed out meanwhile: the whole page asks to sign in
    record = _record(request, pk)
    if "seen" in request.GET:
        _note_seen(record)
        return HttpResponse(status=204)
    asked = request.GET.get("looks", "")
    looks = int(asked) if asked.isdecimal() and len(asked) < 5 else 0
    context = _result(record, looks) | {"announce": True, "again": "again" in request.GET}
    if "comparing" in request.GET:
        if not record.is_compared:
            return render(request, "diagnosis/_not_compared.html", context)
        whole = render(request, "diagnosis/_result.html", context | {"is_new": True})
        # The picture beside the words stays as it is, with the focus that may be in it.
        return reswap(retarget(reselect(whole, "#answer"), "#answer"), "outerHTML")
    if "anew" in request.GET:
        if record.is_stale:
            # The earlier answer stays as it is, and what the person does with it.
            return retarget(render(request, "diagnosis/_stale.html", context), "#stale")
        return render(request, "diagnosis/_result.html", context | {"is_new": True})
    if context["again"] and context["outdated"]:
        # The earlier answer stays as it is, and what the person does with it.
        return retarget(render(request, "diagnosis/_newer.html", context), "#newer")
    if context["record"].is_pending:
        # The rest stays as it is, with the focus that may be in it.
        return retarget(render(request, "diagnosis/_pending.html", context), "#waiting")
    return render(request, "diagnosis/_result.html", context)


@require_safe
@login_required
def record_image(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    return responses.picture(request, _record(request, pk))


@require_safe
@login_required
def record_thumbnail(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    return responses.thumbnail(request, _record(request, pk))


@require_safe
@login_required
def picture_image(request: PersonRequest, pk: uuid.UUID, picture: uuid.UUID) -> HttpResponse:
    return responses.picture(request, sittings.picture_of(_record(request, pk), picture))


@require_safe
@login_required
def picture_thumbnail(request: PersonRequest, pk: uuid.UUID, picture: uuid.UUID) -> HttpResponse:
    return responses.thumbnail(request, sittings.picture_of(_record(request, pk), picture))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def picture_new(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    """Another picture of the same mole, as long as it is at hand."""
    record = _record(request, pk)
    is_sent = request.method == "POST"
    form = PictureForm(
        request.POST if is_sent else None,
        request.FILES if is_sent else None,
        initial=_kind_of(record),
    )
    status, headers = 200, {}
    try:
        if not is_sent:
            sittings.check_open(record)
        elif form.is_valid():
            there = {picture.pk: picture.modality for picture in record.pictures}
            added = sittings.add(record=record, by=request.user, **form.picture)
            if added.pk not in there:
                messages.success(request, _("The picture is added. All are judged together now."))
            elif added.modality == there[added.pk]:
                messages.info(request, _("This very picture is there already. Nothing changed."))
            else:
                messages.success(
                    request, _("How the picture was taken is corrected. It is judged anew.")
                )
            return redirect("diagnosis:record_detail", pk=pk)
        else:
            status = 400
    except sittings.Closed as closed:
        messages.error(request, closed.messages[0])
        return redirect("diagnosis:record_detail", pk=pk)
    except ValidationError as refused:
        form.add_error("image", refused)
        status = 413 if refused.code == "too_large" else 400
    except limits.TryLater as later:
        form.add_error("image", later.sentence)
        status, headers = later.status, {"Retry-After": str(later.seconds)}
    context = {"form": form, "record": record, "pictures": record.pictures}
    return TemplateResponse(
        request, "diagnosis/picture_new.html", context, status=status, headers=headers
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def picture_delete(request: PersonRequest, pk: uuid.UUID, picture: uuid.UUID) -> HttpResponse:
    record = _record(request, pk)
    if request.method != "POST" and len(record.pictures) == 1:
        return redirect("diagnosis:record_delete", pk=pk)
    if request.method == "POST":
        one = next((each for each in record.pictures if each.pk == picture), None)
        tag = one and responses.tag(one)
        try:
            # Else it is gone already, as by a double click; the next one may have its id.
            if one and request.POST.get("seen", tag) == tag:
                sittings.remove(record=record, picture=one, by=request.user)
            messages.success(request, _("The picture is deleted. The others are judged again now."))
        except ValidationError as refused:
            messages.error(request, refused.messages[0])
        return redirect("diagnosis:record_detail", pk=pk)
    one = sittings.picture_of(record, picture)
    context = {"record": record, "picture": one, "seen": responses.tag(one)}
    return render(request, "diagnosis/picture_delete.html", context)


@require_POST
@login_required
def record_retry(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    record = _record(request, pk)
    # Clicked twice, done meanwhile, or of a kind that is not judged: the page shows how it stands.
    with contextlib.suppress(uploads.NotRetryable, pictures.PictureRefused):
        uploads.retry(record=record, by=request.user)
    return redirect("diagnosis:record_detail", pk=pk)


@require_POST
@login_required
def record_reassess(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    address = reverse("diagnosis:record_detail", args=[pk])
    try:
        if assessments.ask_again(record=_record(request, pk), by=request.user):
            return redirect(f"{address}?again")
        messages.error(request, _("This can’t be done now. Try again in a few minutes."))
    except pictures.PictureRefused as refused:
        messages.error(request, refused.messages[0])
    return redirect(address)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@reauthentication_required(allow_get=True)
def record_delete(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    record = _record(request, pk)
    if request.method == "POST":
        several = len(record.pictures)
        uploads.delete(record=record, by=request.user)
        said = ngettext(
            "The picture and its result are deleted.",
            "The pictures and their result are deleted.",
            several,
        )
        messages.success(request, said)
        return redirect("diagnosis:history")
    of_mole = record.mole.records.all() if record.mole else MoleRecord.objects.filter(pk=pk)
    asked = of_mole.visit_asked()
    ends = "" if asked == of_mole.exclude(pk=pk).visit_asked() else verdicts.asked_no_more(asked)
    context = {"record": record, "ends": ends}
    return render(request, "diagnosis/record_delete.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def record_answers(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    """What the person says of the mole, while its picture is checked or later."""
    record = _record(request, pk)
    form = _answers_form(request, record)
    seen = request.POST.get("seen", answers.tag(record))
    status, headers = 200, {}
    saved = None
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                answers.give(record=record, by=request.user, seen=seen, **form.answers)
                messages.success(request, _("What you said is saved, and counts for the answer."))
                return redirect("diagnosis:record_detail", pk=pk)
            except edits.SeveralMoles as several:
                form.add_error("name", several)
            except answers.SaidMeanwhile as refused:
                saved = record = _record(request, pk)
                form, seen, status = _both(request, saved), answers.tag(saved), 409
                form.add_error(None, refused)
            except ValidationError as refused:
                form.add_error(None, refused)
            except limits.TryLater as later:
                form.add_error("size_mm", later.sentence)
                status, headers = later.status, {"Retry-After": str(later.seconds)}
    context = {"form": form, "record": record, "seen": seen, "moves": _moves(record)}
    if saved:
        context |= {"saved": saved, "signs": results.signs(saved)}
    return TemplateResponse(
        request, "diagnosis/record_answers.html", context, status=status, headers=headers
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def record_mole(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    """Choose the mole of a record, which was wrong or missing when it was sent."""
    record = _record(request, pk)
    form = MoleForm(request.POST or None, initial={"mole": record.mole_id})
    choices.offer(form.fields["mole"], request.user)
    if request.method == "POST" and form.is_valid():
        if form.has_changed():  # else it may be in the mole that another tab put it in
            answers.give(record=record, mole=form.cleaned_data["mole"], by=request.user)
            messages.success(request, _("Your choice is saved."))
        return redirect("diagnosis:record_detail", pk=pk)
    context = {"form": form, "record": record, "moves": _moves(record)}
    status = 400 if form.errors else 200
    return render(request, "diagnosis/record_mole.html", context, status=status)


def _moves(record: MoleRecord) -> str:
    """Say what goes with a picture that its person gives to another mole."""
    return verdicts.asked_along(MoleRecord.objects.filter(pk=record.pk).visit_asked())


def _record(request: PersonRequest, pk: uuid.UUID) -> MoleRecord:
    return get_object_or_404(WITH_ANSWERS.of(request.user), pk=pk)


def _note_seen(record: MoleRecord) -> None:
    """Who asked for the newer answer and has it before them is not told of it by e-mail.

    The page says so once it shows it: an answer that was sent may never have arrived.
    """
    if not assessments.is_outdated(record):
        mails.forget(record.owner, [record.pk])


def _answers_form(request: PersonRequest, record: MoleRecord) -> AnswersForm:
    data = request.POST if request.method == "POST" else None
    return AnswersForm(data, owner=request.user, initial=_said(record))


def _both(request: PersonRequest, record: MoleRecord) -> AnswersForm:
    """The form as it was sent, with what is saved where nothing was typed, and all signs."""
    data, said = request.POST.copy(), _said(record)
    data.setlist("signs", [*data.getlist("signs"), *said.pop("signs")])
    if data.get("name") or data.get("body_site"):
        del said["mole"]  # of another mole
    for name, value in said.items():
        data[name] = data.get(name) or str(value or "")
    return AnswersForm(data, owner=request.user)


def _said(record: MoleRecord) -> dict[str, Any]:
    return {
        "signs": record.signs,
        "mole": record.mole_id,
        "size_mm": record.size_mm,
        "note": record.note,
    }


def _kind_of(record: MoleRecord) -> dict:
    return {"dermoscopy": record.pictures[-1].modality == "dermoscopy"}


def _asked_for(request: HttpRequest) -> dict:
    """What a link to the upload page may fill in: the mole, and how the picture is taken."""
    return {
        "mole": request.GET.get("mole", ""),
        "dermoscopy": request.GET.get("modality") == "dermoscopy",
    }


def _result(record: MoleRecord, looks: int) -> dict:
    of_doctors, overtaken = verdicts.of(record), verdicts.overtaken(record)
    context: dict[str, Any] = {
        "record": record,
        "answer": results.answer(record),
        "verdicts": of_doctors,
        "overtaken": overtaken,
        "heading": "h2" if of_doctors and not overtaken else "h1",  # the first one's is the page's
        "signs": results.signs(record),
        "looks": looks + 1,
        "delay": POLL_DELAYS[looks] if looks < len(POLL_DELAYS) else None,
        "outdated": assessments.is_outdated(record),
        "parts": results.parts(record),
        "is_open": sittings.is_open(record),
    }
    if record.state == MoleRecord.State.FAILED or record.is_stale:
        context["not_judged"] = uploads.not_judged(each.modality for each in record.pictures)
    if context["answer"] is None and (alarm := results.alarm_without_answer(record)):
        advice = results.advice_without_answer(record)
        context |= {"alarm": alarm, "alarm_tone": results.TONES[advice]}
        context["how_soon"] = results.HOW_SOON[advice]
    if record.state == MoleRecord.State.QUEUED:
        context["ahead"] = claims.ahead(record)
    if assessment := record.current_assessment:
        context["frequency"] = frequencies.of(assessment)
        context["earlier"] = results.earlier(record)
        context["is_warned"] = results.is_warned(record)
        context["overlays"] = {"heatmap": assessment.heatmap, "outline": assessment.outline}
    return context
