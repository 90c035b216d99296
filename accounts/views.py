"""The person's account: what is kept about them, and where they change it."""

from allauth.mfa.utils import is_mfa_enabled
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms import TeachingForm
from accounts.models import User

DetailsForm = forms.modelform_factory(
    User,
    fields=["display_name"],
    widgets={"display_name": forms.TextInput(attrs={"autocomplete": "name"})},
)


@require_safe
@login_required
def account(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/account.html", {"second_factor": is_mfa_enabled(request.user)})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def details(request: HttpRequest) -> HttpResponse:
    form = DetailsForm(request.POST or None, instance=request.user)
    if form.is_valid():
        form.save()
        messages.success(request, _("Your details are saved."))
        return redirect("accounts:account")
    return render(
        request, "accounts/details.html", {"form": form}, status=400 if form.errors else 200
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def teaching(request: HttpRequest) -> HttpResponse:
    """Whether reviewed pictures may go into data sets."""
    agreed = {"agreed": request.user.teaching_consented_at is not None}
    form = TeachingForm(request.POST if request.method == "POST" else None, initial=agreed)
    if request.method == "POST" and form.is_valid():
        form.save(request.user)
        messages.success(request, _("Your choice is saved."))
        return redirect("accounts:account")
    return render(request, "accounts/teaching.html", {"form": form})
