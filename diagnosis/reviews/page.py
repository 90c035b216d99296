"""The page on which a doctor looks at one record and writes a verdict."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.age import age_on
from accounts.requests import PersonRequest
from diagnosis.language import changes as language
from diagnosis.language import frequencies, results, terms
from diagnosis.language.figures import percent
from diagnosis.language.verdicts import asked, overtaken, verdict
from diagnosis.moles import changes
from diagnosis.records.models import Assessment, MoleRecord
from diagnosis.reviews import claims, looks, opinions, similar, verdicts
from diagnosis.reviews.forms import NewVerdictForm
from diagnosis.reviews.models import Review

# Records that a doctor passed over in this session; starting anew asks for them again.
SKIPPED = "skipped_reviews"


class ReviewPage:
    """One record before one doctor, for one request."""

    def __init__(
        self, model_admin: admin.ModelAdmin, request: PersonRequest, record: MoleRecord
    ) -> None:
        self.admin, self.request, self.record = model_admin, request, record
        may_write = model_admin.has_change_permission(request, record)
        self.is_own = record.owner_id == request.user.pk
        self.may_write = may_write and not self.is_own
        self.profile = verdicts.profile(request.user)
        self.opinion = opinions.open_on(record)

    def respond(self) -> HttpResponse:
        """Show the page, or do what was pressed. Raises PermissionDenied."""
        if self.request.method != "POST":
            return self.show()
        if not self.may_write:
            raise PermissionDenied
        match self.request.POST.get("do"):
            case "claim":
                return self._claim()
            case "release":
                self._release()
                return redirect("admin:diagnosis_molerecord_changelist")
            case "skip":
                self._release()
                skipped = self.request.session.get(SKIPPED, ())
                self.request.session[SKIPPED] = [*skipped, str(self.record.pk)]
                return go_on(self.admin, self.request)
        return self._save()

    def show(self, form: NewVerdictForm | None = None) -> HttpResponse:
        """The page; with a form that was refused, as it was sent."""
        request, record = self.request, self.record
        written = list(record.reviews.all())
        final = [review for review in written if review.is_final]
        others = (
            record.mole.records.exclude(pk=record.pk) if record.mole else MoleRecord.objects.none()
        )
        holder = record.holder
        known = {"known": len(written), "shown": _shown(record)}
        context = {
            **self.admin.admin_site.each_context(request),
            "opts": self.admin.opts,
            "title": _("Record of %(person)s") % {"person": record.owner.pseudonym},
            "record": record,
            "picture_is_there": record.image.storage.exists(record.image.name),
            "age": record.born and age_on(timezone.localdate(), record.born),
            "signs": terms.listed(results.signs(record)),
            "asked": asked(record),
            "further": list(record.further.all()),
            "others": others.order_by("-created_at").prefetch_related(
                Prefetch("reviews", opinions.readable(request.user))
            ),
            # As opinions.readable says.
            "verdicts": [] if self.is_own else written,
            "newest": final[0] if final else None,
            "opinion": None if self.is_own else self.opinion,
            "is_asked": opinions.hides_verdicts(self.opinion, request.user),
            "holder": holder,
            "is_mine": holder == request.user,
            "form": form or self._form(initial=known),
            "has_written": any(review.doctor_id == request.user.pk for review in written),
            # A form that was refused stays, so that nothing that was typed is lost.
            "may_write": self.may_write and (form or holder in (None, request.user)),
            "may_skip": self.may_write,
            "shortcuts": self.profile.shortcuts,
            "wait": MoleRecord.objects.awaiting_review().count(),
            **self._similar(),
        }
        if record.current_assessment or record.phone_advice:
            context["hidden"] = not self._is_answer_seen()
            if record.current_assessment and not context["hidden"]:
                told = list(MoleRecord.objects.told(request.user).filter(record=record))
                context |= _answer(record, record.current_assessment, told)
                context |= _changed(record, told)
                context["parts"] = [
                    (part, part.malignancy is not None and percent(part.malignancy, 1))
                    for part in results.parts(record)
                ]
        return TemplateResponse(request, "admin/diagnosis/molerecord/review.html", context)

    def show_similar(self) -> HttpResponse:
        """Similar cases, a page of their own without the script; only on demand, since logged."""
        record = self.record
        hidden = bool(record.current_assessment) and not self._is_answer_seen()
        context = {
            **self.admin.admin_site.each_context(self.request),
            **self._similar(),
            "title": _("Similar cases"),
            "record": record,
            "hidden": hidden,
        }
        if context["can_be_looked_for"] and not hidden:
            context["cases"] = [
                {
                    "case": case,
                    "diagnosis": terms.DIAGNOSES.get(case.diagnosis, ""),
                    "category": terms.RISK_CATEGORIES[case.risk_category],
                    "urgency": terms.URGENCIES[case.urgency],
                }
                for case in similar.cases(record)
            ]
        return TemplateResponse(self.request, "admin/diagnosis/molerecord/similar.html", context)

    def _similar(self) -> dict[str, Any]:
        return {
            "similar_cases": settings.SIMILAR_CASES,
            "can_be_looked_for": similar.can_be_looked_for(self.record),
            "measured": similar.measured(self.record),
        }

    def _claim(self) -> HttpResponse:
        if not claims.take(record_ids=[self.record.pk], doctor=self.request.user):
            self.admin.message_user(
                self.request, _("Another doctor has claimed it."), messages.WARNING
            )
        if not self._look_again():
            return redirect(self.request.path)  # which says so
        # Without its errors: the verdict was only begun, and stays as it was typed.
        return self.show(self._form(initial=self.request.POST.dict()))

    def _look_again(self) -> bool:
        """Read the record as it is by now; False where the person has deleted it."""
        record = self.admin.get_object(self.request, str(self.record.pk))
        self.record = record or self.record
        return record is not None

    def _release(self) -> None:
        claims.release(record_ids=[self.record.pk], doctor=self.request.user)

    def _save(self) -> HttpResponse:
        """Write the verdict that was sent; what stands against it is shown in the form."""
        request, record = self.request, self.record
        form = self._form(request.POST, instance=Review(record=record, doctor=request.user))
        there = record.reviews.count()
        if form.is_valid():
            try:
                verdicts.write(
                    record=record,
                    doctor=request.user,
                    blind=not self._is_answer_seen(),
                    known=form.cleaned_data["known"],
                    shown=form.cleaned_data["shown"].split() or None,
                    ask=form.cleaned_data.get("ask"),
                    question=form.cleaned_data.get("question", ""),
                    **{name: form.cleaned_data[name] for name in Review.VERDICT},
                )
            except (ValidationError, verdicts.ShownBefore, verdicts.Overtaken) as error:
                if not self._look_again():
                    return redirect(request.path)  # which says so
                self._refuse(form, error)
        if form.errors:
            return self.show(form)
        if form.cleaned_data["known"] == there:
            self.admin.message_user(request, _("Your verdict is saved."), messages.SUCCESS)
        else:
            words = _("This verdict of yours was saved before. Nothing was written a second time.")
            self.admin.message_user(request, words)
        if request.POST.get("do") == "stay":
            return redirect(request.path)
        return go_on(self.admin, request)

    def _refuse(
        self,
        form: NewVerdictForm,
        error: ValidationError | verdicts.ShownBefore | verdicts.Overtaken,
    ) -> None:
        """Say in the form what stands against it; sent again, it knows what the page shows now."""
        data = self.request.POST.copy()
        match error:
            case verdicts.ShownBefore():
                data["shown"] = _shown(self.record)
                words = _(
                    "Something has changed meanwhile: a picture, what the person says, what was "
                    "measured, the program’s answer, or what a doctor asked. Look again, then "
                    "save. Nothing of yours is saved yet."
                )
            case verdicts.Overtaken():
                data["known"] = str(self.record.reviews.count())
                words = _(
                    "Another doctor has claimed this record, or a verdict was written meanwhile. "
                    "What you wrote here is not saved yet."
                )
        form.data = data
        form.add_error(None, error if isinstance(error, ValidationError) else words)

    def _form(self, *args: Any, **kwargs: Any) -> NewVerdictForm:
        may_ask = opinions.may_ask(record=self.record, doctor=self.request.user)
        return NewVerdictForm(*args, doctor=self.request.user, may_ask=may_ask, **kwargs)

    def _is_answer_seen(self) -> bool:
        """Whether the page shows the program's answer: always, or because the doctor asked, now
        or before."""
        asked = "model" in self.request.GET
        return asked or not looks.is_blind(record=self.record, doctor=self.request.user)


def go_on(model_admin: admin.ModelAdmin, request: PersonRequest) -> HttpResponse:
    """Claim the next record and lead to it, or to the list when nothing is left."""
    skipped = request.session.get(SKIPPED, ())
    record = claims.take_next(doctor=request.user, skip=skipped)
    if record:
        return redirect("admin:diagnosis_molerecord_change", record.pk)
    passed_over, with_colleagues = claims.left_over(doctor=request.user, skip=skipped)
    message = _("Nothing more to review.")
    if passed_over:
        message = ngettext(
            "Nothing more to review, but %(count)d record that you passed over.",
            "Nothing more to review, but %(count)d records that you passed over.",
            passed_over,
        ) % {"count": passed_over}
    if with_colleagues:
        message += " " + ngettext(
            "%(count)d record that waits is with a colleague.",
            "%(count)d records that wait are with colleagues.",
            with_colleagues,
        ) % {"count": with_colleagues}
    model_admin.message_user(request, message)
    return redirect("admin:diagnosis_molerecord_changelist")


def _shown(record: MoleRecord) -> str:
    return " ".join(verdicts.shown_of(record))


def _changed(record: MoleRecord, final: list[Review]) -> dict[str, Any]:
    """What changed since the mole's first picture of this kind, where that was measured; no calmer
    than what is said of the record. ``final``: as for ``_answer``."""
    change = record.mole and changes.of(record.mole.records.all()).get(record)
    if not change or not changes.is_over(change):
        return {}
    given_up = changes.is_given_up(change)
    holds = final and not overtaken(record, final)
    tone = verdict(final[0]).tone if holds else results.tag_of_program(record)["tone"]
    said = language.say(change, of_later=tone, later_mm=record.size_mm, given_up=given_up)
    return language.beside(said, (change.before.record, record)) | {
        "picture_view": "admin:diagnosis_molerecord_image"
    }


def _answer(record: MoleRecord, assessment: Assessment, final: list[Review]) -> dict[str, Any]:
    """The program's answer; ``final``: the verdicts on the record that the doctor may know."""
    sentences = terms.REASONS | terms.WARNINGS
    codes = (*assessment.reasons, *assessment.warnings)  # dark skin is among what is untested
    said = results.answer(record)
    beside = (said.again, said.warned_before, said.phone, *said.untested) if said else ()
    camera = results.camera_alarm(record, assessment.advice)
    own, holds = (
        results.withheld(record) if results.is_withheld(advice, record) else terms.ADVICE[advice]
        for advice in (assessment.advice, results.advice_that_holds(assessment, record))
    )
    if final and not overtaken(record, final):
        holds = _("Doctor: %s") % verdict(final[0]).heading
    return {
        "assessment": assessment,
        "advice": own,
        "holds": holds if holds != own else "",
        **(_figures(assessment) if assessment.usable else {}),
        # It stands while it is measured anew, or one of the two can't be judged.
        "found": record.changes and language.names(record.changes),
        # Why it waits all the same.
        "earlier": results.earlier(record) if results.is_warned(record) else [],
        "remarks": [
            *(sentences[code] for code in codes if code in sentences),
            *filter(None, (camera, *beside)),
        ],
        "overlays": {"heatmap": assessment.heatmap, "outline": assessment.outline},
    }


def _figures(assessment: Assessment) -> dict[str, Any]:
    """What is said in numbers; of a picture that can't be judged they would say nothing."""
    return {
        "probabilities": [
            (terms.DIAGNOSES[name], probability, percent(probability, 1))
            for name, probability in sorted(assessment.diagnoses.items(), key=lambda item: -item[1])
        ],
        "malignancy": percent(assessment.malignancy, 1),
        "picture_alone": assessment.picture and percent(assessment.picture["malignancy"], 1),
        "used": [terms.KNOWN[name] for name in assessment.used],
        "frequency": frequencies.of(assessment),
    }
