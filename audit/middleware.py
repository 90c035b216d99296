"""For each request: whose name the audit log keeps."""

from typing import Any

from auditlog.middleware import AuditlogMiddleware
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.models import User


class AuditMiddleware(AuditlogMiddleware):
    """auditlog's, which would keep e-mail addresses and miss people who come with a token."""

    def get_extra_data(self, request: HttpRequest) -> dict[str, Any]:
        # Lazy: the API checks a token later than this.
        actor = SimpleLazyObject(lambda: self._get_actor(request))
        return super().get_extra_data(request) | {
            "actor": actor,
            "actor_email": lambda: actor.pseudonym if isinstance(actor, User) else None,
        }
