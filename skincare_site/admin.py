"""The administration pages: entered by the site's own sign-in, by staff with a second factor."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts.staff import passed_second_step
from accounts.targets import own_page


class Site(admin.AdminSite):
    """Has no forms for passwords of its own: rate limits, mails and factors as for everybody."""

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and passed_second_step(request)

    def admin_view(
        self, view: Callable[..., HttpResponse], cacheable: bool = False
    ) -> Callable[..., HttpResponse]:
        """As Django's, and no page for what can't be the id of anything in a list."""

        @wraps(view)
        def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            of = getattr(view, "__self__", None)
            if "object_id" in kwargs and isinstance(of, admin.ModelAdmin):
                try:
                    of.opts.pk.to_python(unquote(kwargs["object_id"]))
                except ValidationError as error:
                    raise Http404 from error
            return view(request, *args, **kwargs)

        return super().admin_view(page, cacheable)

    def login(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        return secure_admin_login(_lead_in)(request, self)

    def password_change(
        self, request: HttpRequest, extra_context: dict | None = None
    ) -> HttpResponse:
        return redirect("account_change_password")

    def password_change_done(
        self, request: HttpRequest, extra_context: dict | None = None
    ) -> HttpResponse:
        return redirect("account_change_password")


def _lead_in(request: HttpRequest, site: Site) -> HttpResponse:
    """To the page that was asked for, or to the step that is missing before it."""
    target = own_page(request, request.GET.get(REDIRECT_FIELD_NAME, ""), reverse("admin:index"))
    if site.has_permission(request):
        return HttpResponseRedirect(target)
    if request.user.lacks_second_factor:
        messages.warning(
            request, _("Staff need the second step of signing in. Switch it on, then go on here.")
        )
        return redirect("mfa_activate_totp")
    if not request.user.has_second_factor:
        messages.warning(
            request,
            _(
                "%(provider)s did not confirm a second step for this sign-in. Sign out, and sign "
                "in there with it, or switch on a second step here."
            )
            % {"provider": settings.IDENTITY_PROVIDER.name},
        )
        return redirect("mfa_activate_totp")
    messages.info(request, _("Confirm by your second step that it is you, then go on here."))
    app = is_mfa_enabled(request.user, [Authenticator.Type.TOTP])
    page = reverse("mfa_reauthenticate" if app else "mfa_reauthenticate_webauthn")
    return HttpResponseRedirect(f"{page}?{urlencode({REDIRECT_FIELD_NAME: target})}")
