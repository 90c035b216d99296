"""Webhooks on the account's pages: the password is asked for again, as for tokens."""

import uuid

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.requests import PersonRequest
from diagnosis.webhooks import registrations, signatures
from diagnosis.webhooks.models import MAX_URL, Webhook, WebhookDelivery

SHOWN = 5  # deliveries of each


class WebhookForm(forms.Form):
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=MAX_URL,
        help_text=gettext_lazy(
            "Begins with https://, and lies on the public internet. Redirects are not followed."
        ),
        widget=forms.URLInput(attrs={"autocomplete": "off"}),
    )
    events = forms.MultipleChoiceField(
        label=gettext_lazy("It hears when"),
        choices=Webhook.Event.choices,
        initial=Webhook.Event.values,
        widget=forms.CheckboxSelectMultiple,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
@reauthentication_required(allow_get=True)
def webhooks(request: PersonRequest) -> HttpResponse:
    """POST adds one, whose secret is shown this once."""
    form = WebhookForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            made = registrations.create(owner=request.user, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return _page(request, WebhookForm(), made)
    return _page(request, form)


@require_POST
@never_cache
@login_required
@reauthentication_required
def rotate(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    webhook = get_object_or_404(request.user.webhooks, pk=pk)
    seen = request.POST.get("number")
    webhook = registrations.rotate(webhook=webhook, by=request.user, seen=seen)
    return _page(request, WebhookForm(), webhook)


@require_POST
@login_required
def test(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    registrations.test(webhook=get_object_or_404(request.user.webhooks, pk=pk), by=request.user)
    messages.success(request, _("A test is on its way. Load this page again to see its end."))
    return redirect("diagnosis:webhooks")


@require_POST
@login_required
def delete(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    registrations.delete(webhook=get_object_or_404(request.user.webhooks, pk=pk), by=request.user)
    messages.success(request, _("The webhook is removed."))
    return redirect("diagnosis:webhooks")


def _page(request: PersonRequest, form: WebhookForm, made: Webhook | None = None) -> HttpResponse:
    newest = WebhookDelivery.objects.prefetch_related("attempts").order_by("-created_at")
    context = {
        "form": form,
        "made": made,
        "secret": made and signatures.secret(made),
        "webhooks": [
            {"webhook": webhook, "deliveries": newest.filter(webhook=webhook)[:SHOWN]}
            for webhook in request.user.webhooks.all()
        ],
    }
    return render(request, "diagnosis/webhooks.html", context, status=400 if form.errors else 200)
