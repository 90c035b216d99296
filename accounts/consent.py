"""What people agree to, apart from each other: that pictures are stored, and that they teach."""

from datetime import date
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.forms import CONSENT_VERSION, BrowserZoneField, SignupForm, check_old_enough
from accounts.models import User
from accounts.requests import PersonRequest
from accounts.targets import own_page


class ConsentForm(forms.Form):
    """As at sign-up: consent, and a minimum age of who has not said how old they are."""

    date_of_birth = SignupForm.base_fields["date_of_birth"]
    consent = SignupForm.base_fields["consent"]
    time_zone = BrowserZoneField(required=False)

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = person.date_of_birth
        if self.known:
            del self.fields["date_of_birth"]

    def clean(self) -> None:
        """As of a date that is said here: somebody else may have stored one before."""
        if self.known:
            check_old_enough(self.known)


def give(*, person: User, time_zone: str = "", date_of_birth: date | None = None) -> None:
    """Store that the person agrees to the present text; who agreed to it before keeps that day.

    ``time_zone``: of the browser, for an account that has none; so ``date_of_birth``.
    """
    if person.consent_version != CONSENT_VERSION:
        person.consent_version, person.consented_at = CONSENT_VERSION, timezone.now()
        person.time_zone = person.time_zone or time_zone
        person.date_of_birth = person.date_of_birth or date_of_birth
        stored = ["consent_version", "consented_at", "time_zone", "date_of_birth"]
        person.save(update_fields=stored)


def allow_teaching(*, person: User, agreed: bool) -> None:
    """Store when they agreed, or that they no longer do; agreeing again keeps the first day."""
    _allow(person, "teaching_consented_at", agreed=agreed)


def allow_similar(*, person: User, agreed: bool) -> None:
    """As ``allow_teaching``, of being shown to doctors beside similar pictures of others."""
    _allow(person, "similar_consented_at", agreed=agreed)


def _allow(person: User, since: str, *, agreed: bool) -> None:
    """Keep in the field ``since`` when it was agreed to first; None while it is not."""
    setattr(person, since, (getattr(person, since) or timezone.now()) if agreed else None)
    person.save(update_fields=[since])


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def consent(request: PersonRequest) -> HttpResponse:
    """Ask those whose account somebody else made once, then lead to the page that needed it."""
    user = request.user
    form = ConsentForm(request.POST if request.method == "POST" else None, person=user)
    if form.is_valid():
        said = {name: form.cleaned_data[name] for name in form.fields if name != "consent"}
        give(person=user, **said)
    if user.consent_version == CONSENT_VERSION:
        return HttpResponseRedirect(own_page(request, request.GET.get("next", "")))
    return render(
        request, "accounts/consent.html", {"form": form}, status=400 if form.errors else 200
    )
