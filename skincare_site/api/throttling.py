"""How many requests a client may send, and how many are left, said with each answer."""

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import UserRateThrottle

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which asks the settings for this module


class CountedThrottle(UserRateThrottle):
    """By person, else by address; a view that names a ``throttle_scope`` is counted by itself.

    The middleware sends the two fields of draft-ietf-httpapi-ratelimit-headers-10.
    """

    num_requests: int
    duration: int

    def allow_request(self, request: Request, view: "APIView") -> bool:
        self.scope = getattr(view, "throttle_scope", self.scope)
        # None stands for no rate, and every scope has one.
        self.num_requests, self.duration = self.parse_rate(self.get_rate())  # type: ignore[assignment]
        allowed = super().allow_request(request, view)
        left = max(0, self.num_requests - len(self.history))
        freed = self.history[-1] + self.duration - self.now if self.history else 0
        # Django's class doesn't have it: the middleware reads it there.
        request._request.rate_limit = {  # type: ignore[attr-defined]
            "RateLimit-Policy": f'"{self.scope}";q={self.num_requests};w={self.duration}',
            "RateLimit": f'"{self.scope}";r={left};t={max(0, round(freed))}',
        }
        return allowed
