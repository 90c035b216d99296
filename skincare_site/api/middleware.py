"""What each answer of the API carries: no copy in caches, an entity tag, what is left to ask."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import set_response_etag
from django.utils.http import parse_etags

ROOT = "/api/"
OF_A_BODY = ("Content-Type", "Content-Length", "Content-Disposition")


def manners(get_response: Callable) -> Callable:
    """Add the headers; answer 304 where the client has the very same already (RFC 9110, 13).

    The tag is of the content, so that it saves the way, not the work.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not request.path.startswith(ROOT):
            return response
        response.setdefault("Cache-Control", "no-store")
        for name, value in getattr(request, "rate_limit", {}).items():
            response[name] = value
        if request.method not in ("GET", "HEAD") or response.status_code != 200:
            return response
        if response.streaming:
            return response
        if "ETag" not in response:
            set_response_etag(response)
        tag = response.get("ETag", "").removeprefix("W/")
        known = {
            one.removeprefix("W/") for one in parse_etags(request.headers.get("If-None-Match", ""))
        }
        if not tag or not known & {tag, "*"}:
            return response
        kept = {name: value for name, value in response.items() if name not in OF_A_BODY}
        return HttpResponseNotModified(headers=kept)

    return middleware
