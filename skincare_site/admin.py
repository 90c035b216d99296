"""The administration pages: entered by the site's own sign-in, by staff with a second factor."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _


class Site(admin.AdminSite):
    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and not request.user.lacks_second_factor

    def login(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        user = request.user
        if user.is_authenticated and user.is_active and user.lacks_second_factor:
            messages.warning(
                request,
                _("Staff need the second step of signing in. Switch it on, then go on here."),
            )
            return redirect("mfa_activate_totp")
        # Rate limits and second factor as for everybody.
        return secure_admin_login(super().login)(request, extra_context)
