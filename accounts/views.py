"""The person's account: what is kept about them, and where they change it."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.account.views import ConfirmEmailView
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.views import ActivateTOTPView
from allauth.mfa.utils import is_mfa_enabled
from allauth.usersessions.models import UserSession
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import Q
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from knox.models import AuthToken

from accounts import tokens as programs
from accounts.consent import (
    CONSENT_TEXT,
    CONSENT_VERSION,
    allow_similar,
    allow_teaching,
    give,
)
from accounts.factors import claim
from accounts.forms import ConsentForm, PreferencesForm, TeachingForm, UntouchedForm
from accounts.models import User
from accounts.requests import PersonRequest, own_or_gone
from accounts.staff import passed_second_step, to_the_second_step
from accounts.targets import own_page

DetailsForm = forms.modelform_factory(
    User,
    UntouchedForm,
    fields=["display_name"],
    widgets={"display_name": forms.TextInput(attrs={"autocomplete": "name"})},
)
SexForm = forms.modelform_factory(
    User,
    UntouchedForm,
    fields=["sex_at_birth"],
    help_texts={
        "sex_at_birth": gettext_lazy(
            "You need not answer. Some skin cancers are commoner in men, others in women; where it "
            "made the program’s answers better on test pictures, it uses this, and the result says "
            "so. It holds for pictures that you send from then on."
        )
    },
)
NotificationsForm = forms.modelform_factory(
    User, UntouchedForm, fields=["reminder_emails", "verdict_emails"]
)


class ConfirmEmail(ConfirmEmailView):
    """allauth's, but that a link alone, which anybody can send, signs nobody out."""

    def logout_other_user(self, confirmation: Any) -> None:
        if self.request.method == "POST":
            super().logout_other_user(confirmation)


class ActivateApp(ActivateTOTPView):
    """allauth's, but that the code which switches the app on is used up by that.

    A form that comes twice, as by a double click, leads to the recovery codes as well: allauth
    would ask whether to switch the app off, or fail.
    """

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "POST" and _has_app(request):
            return redirect("mfa_view_recovery_codes")
        return super().dispatch(request, *args, **kwargs)

    @transaction.atomic
    def form_valid(self, form: forms.Form) -> HttpResponse:
        User.objects.lock(self.request.user)  # of two at once, the second waits for the first
        if _has_app(self.request):
            return redirect("mfa_view_recovery_codes")
        response = super().form_valid(form)
        claim(self.request.user, form.cleaned_data["code"])
        return response


@require_safe
@login_required
def account(request: PersonRequest) -> HttpResponse:
    user = request.user
    context = {
        "second_factor": user.has_second_factor,
        "identity": user.socialaccount_set.exists(),
        "language": dict(settings.LANGUAGES).get(user.language),
        "sessions": len(UserSession.objects.purge_and_list(user)),
        "tokens": programs.active(user).count(),
        "wording": parse_date(user.consent_version),
        "consent": CONSENT_TEXT if user.consent_version == CONSENT_VERSION else "",
        "similar_cases": settings.SIMILAR_CASES,
        "push": bool(settings.VAPID_KEY),
    }
    return render(request, "accounts/account.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def details(request: PersonRequest) -> HttpResponse:
    return _edit(request, DetailsForm, _("Change your name"))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def sex_at_birth(request: PersonRequest) -> HttpResponse:
    return _edit(request, SexForm, _("Change your sex at birth"))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def preferences(request: PersonRequest) -> HttpResponse:
    response = _edit(request, PreferencesForm, _("Language and time zone"))
    if response.status_code == 302 and not request.POST.get("language"):
        # Else the switch's would go on deciding in the browser's place.
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME, samesite="Lax")
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def notifications(request: PersonRequest) -> HttpResponse:
    return _edit(request, NotificationsForm, _("E-mails"), "accounts/notifications.html")


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """The switch at the end of each page, for everybody; an account remembers it."""
    chosen = request.POST.get("language")
    response = HttpResponseRedirect(own_page(request, request.POST.get("next", "")))
    if chosen in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            chosen,
            max_age=settings.SESSION_COOKIE_AGE,
            secure=settings.SESSION_COOKIE_SECURE,
            samesite="Lax",
        )
        if request.user.is_authenticated:
            User.objects.filter(pk=request.user.pk).update(language=chosen)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
@reauthentication_required(allow_get=True)
def tokens(request: PersonRequest) -> HttpResponse:
    """POST makes one, which is shown this once: only its digest is stored.

    One of staff opens other people's records: no session makes one that could not open them itself.
    """
    if request.user.is_staff and not passed_second_step(request):
        return to_the_second_step(request, request.path)
    context: dict[str, Any] = {}
    if request.method == "POST":
        context["made"] = programs.create(person=request.user)[1]
    context["tokens"] = programs.active(request.user)
    return render(request, "accounts/tokens.html", context)


@require_POST
@login_required
def token_revoke(request: PersonRequest) -> HttpResponse:
    digest = request.POST.get("token")
    if not digest:
        raise Http404
    if token := own_or_gone(AuthToken.objects, Q(user=request.user), digest=digest):
        token.delete()
    messages.success(request, _("The token no longer works."))
    return redirect("accounts:tokens")


@require_POST
@login_required
def session_end(request: PersonRequest, pk: int) -> HttpResponse:
    if session := own_or_gone(UserSession.objects, Q(user=request.user), pk=pk):
        session.end()
    messages.success(request, _("That browser is signed out."))
    return redirect("usersessions_list")


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


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def teaching(request: PersonRequest) -> HttpResponse:
    """Whether reviewed pictures may go into data sets, and be shown as similar cases."""
    user = request.user
    agreed = {
        "agreed": user.teaching_consented_at is not None,
        "similar": user.similar_consented_at is not None,
    }
    form = TeachingForm(request.POST if request.method == "POST" else None, initial=agreed)
    if request.method == "POST" and form.is_valid():
        allow_teaching(person=user, agreed=form.cleaned_data["agreed"])
        if "similar" in form.fields:
            allow_similar(person=user, agreed=form.cleaned_data["similar"])
        messages.success(request, _("Your choice is saved."))
        return redirect("accounts:account")
    return render(request, "accounts/teaching.html", {"form": form})


def _has_app(request: HttpRequest) -> bool:
    return request.user.is_authenticated and is_mfa_enabled(request.user, [Authenticator.Type.TOTP])


def _edit(
    request: PersonRequest,
    form_class: type[forms.ModelForm],
    title: str,
    template: str = "accounts/edit.html",
) -> HttpResponse:
    """A form over the person's own account, which leads back to its page."""
    # A copy: what is refused must not show in the page around the form.
    person = User.objects.get(pk=request.user.pk)
    form = form_class(request.POST if request.method == "POST" else None, instance=person)
    if form.is_valid():
        form.save()
        with translation.override(person.language or translation.get_language()):
            messages.success(request, _("Your choice is saved."))
        return redirect("accounts:account")
    context = {"form": form, "title": title}
    return render(request, template, context, status=400 if form.errors else 200)
