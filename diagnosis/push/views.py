"""Notifications on the account's pages: static/js/push.js asks the browser, forms tell us."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.requests import PersonRequest
from diagnosis.push import notifications, subscriptions


@require_safe
@never_cache
@login_required
def push(request: PersonRequest) -> HttpResponse:
    return _page(request)


@require_POST
@login_required
def turn_on(request: PersonRequest) -> HttpResponse:
    """The form holds what the browser says of itself; no person filled it in."""
    _check_offered()
    try:
        made = subscriptions.add(person=request.user, session=request.session, **_given(request))
    except ValidationError as error:
        messages.error(request, error.messages[0])
        return _page(request, status=400)
    messages.success(request, _("Notifications are on in this browser."))
    response = redirect("diagnosis:push")
    subscriptions.remember(response, made)
    return response


@require_http_methods(["GET", "POST"])
@never_cache
def renew(request: HttpRequest) -> HttpResponse:
    """For the browser's worker, whose subscription the browser has replaced: what it needs to
    subscribe anew, and then the new address; also after the session ran out."""
    _check_offered()
    key = request.COOKIES.get(subscriptions.COOKIE, "")
    person = request.user if request.user.is_authenticated else subscriptions.person_of(key)
    if person is None:
        return redirect_to_login(request.path)
    if request.method == "GET":
        return JsonResponse({"key": notifications.public_key(), "token": get_token(request)})
    try:
        subscriptions.renew(person=person, key=key, **_given(request))
    except ValidationError as error:
        return JsonResponse({"detail": error.messages[0]}, status=400)
    return HttpResponse(status=204)


@require_POST
@login_required
def turn_off(request: PersonRequest) -> HttpResponse:
    """In the browser that the form names; in all of the person's where it names none."""
    _check_offered()
    subscriptions.remove(person=request.user, endpoint=request.POST.get("endpoint"))
    messages.success(request, _("Notifications are off."))
    return redirect("diagnosis:push")


def _page(request: PersonRequest, status: int = 200) -> HttpResponse:
    _check_offered()
    context = {
        "key": notifications.public_key(),
        "sentence": notifications.SENTENCE,
        "known": list(request.user.push_subscriptions.values_list("endpoint", flat=True)),
    }
    return render(request, "diagnosis/push.html", context, status=status)


def _given(request: HttpRequest) -> dict[str, str]:
    return {name: request.POST.get(name, "") for name in ("endpoint", "p256dh", "auth")}


def _check_offered() -> None:
    """Raises Http404 where the service has no key."""
    if not settings.VAPID_KEY:
        raise Http404
