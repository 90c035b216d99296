"""The administration pages: entered by the site's own sign-in, by staff with a second factor."""

from functools import wraps
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse

from accounts.requests import PersonRequest
from accounts.staff import passed_second_step, to_the_second_step
from accounts.targets import own_page


class ShownFilters(admin.ModelAdmin):
    """Takes the filters that the list shows and no others.

    Django lets every field of a row be asked for by the address, also those that no page shows: the
    secret of a second factor could be read letter by letter, by how many rows are found.
    """

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        shown = [self.date_hierarchy, *map(_parameter, self.get_list_filter(request))]
        if not any(name and f"{lookup}__".startswith(f"{name}__") for name in shown):
            return False
        return super().lookup_allowed(lookup, value, request)


def _parameter(entry: Any) -> str | None:
    """Of an entry of ``list_filter``: a field, a field with the class to show it by, or a class."""
    entry = entry[0] if isinstance(entry, tuple) else entry
    return entry if isinstance(entry, str) else getattr(entry, "parameter_name", None)


class Site(admin.AdminSite):
    """Has no forms for passwords of its own: rate limits, mails and factors as for everybody."""

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Also what libraries register filters by what is shown."""
        base = admin_class or admin.ModelAdmin
        narrowed = type(base.__name__, (ShownFilters, base), {"__module__": base.__module__})
        super().register(model_or_iterable, narrowed, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and passed_second_step(request)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
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


def _lead_in(request: PersonRequest, site: Site) -> HttpResponse:
    """To the page that was asked for, or to the step that is missing before it."""
    target = own_page(request, request.GET.get(REDIRECT_FIELD_NAME, ""), reverse("admin:index"))
    if site.has_permission(request):
        return HttpResponseRedirect(target)
    return to_the_second_step(request, target)
