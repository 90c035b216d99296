"""The consent of people whose account somebody else made: at sign-up nobody asked them."""

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.forms import CONSENT_VERSION, SignupForm
from accounts.requests import PersonRequest
from accounts.targets import own_page


class ConsentForm(forms.Form):
    consent = SignupForm.base_fields["consent"]


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def consent(request: PersonRequest) -> HttpResponse:
    """Ask once, then lead to the page that needed it."""
    user = request.user
    form = ConsentForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and not user.consent_version:
        user.consent_version, user.consented_at = CONSENT_VERSION, timezone.now()
        user.save(update_fields=["consent_version", "consented_at"])
    if user.consent_version:
        return HttpResponseRedirect(own_page(request, request.GET.get("next", "")))
    return render(
        request, "accounts/consent.html", {"form": form}, status=400 if form.errors else 200
    )
