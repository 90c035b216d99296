"""For each request: whose name the audit log keeps, and which health data staff read."""

from collections.abc import Callable
from typing import Any

from auditlog.middleware import AuditlogMiddleware
from django.apps import apps
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from audit import log
from audit.apps import HEALTH


class AuditMiddleware(AuditlogMiddleware):
    """auditlog's, which would keep e-mail addresses and miss people who come with a token."""

    def get_extra_data(self, request: HttpRequest) -> dict[str, Any]:
        # Lazy: the API checks a token later than this.
        actor = SimpleLazyObject(lambda: self._get_actor(request))
        return super().get_extra_data(request) | {
            "actor": actor,
            "actor_email": lambda: actor.pseudonym if isinstance(actor, User) else None,
        }


def log_looks(get_response: Callable) -> Callable:
    """Log each page and picture of health data in the administration that somebody got.

    By the address, ``admin:app_model_view``, so that a new page is logged without more ado.
    """
    models = {label.lower().replace(".", "_"): apps.get_model(label) for label in HEALTH}

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        match = request.resolver_match
        if match is None or match.app_name != "admin" or response.status_code not in (200, 304):
            return response
        name, _, _view = match.url_name.rpartition("_")
        if name in models and request.user.is_authenticated:
            _log(models[name], match.kwargs, response)
        return response

    return middleware


def _log(model: Any, address: dict[str, Any], response: HttpResponse) -> None:
    key = address.get("object_id") or address.get("record_id")
    if key is None:
        rows = getattr((getattr(response, "context_data", None) or {}).get("cl"), "result_list", ())
        log.look(model, None, shown=[str(row.pk) for row in rows])
        return
    try:
        # As the administration reads it: quoted signs make further spellings of one id.
        row = model._base_manager.filter(pk=unquote(str(key))).first()
    except ValidationError:  # no id at all
        return
    if row:
        # Pictures have no context, and show no answer; a page that shows a record's says so.
        context = getattr(response, "context_data", None)
        is_record = model._meta.model_name == "molerecord"
        hides = context is None or bool(context.get("hidden", is_record))
        log.look(model, row, details=log.HIDDEN if hides else None)
