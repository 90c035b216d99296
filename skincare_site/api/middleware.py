"""What each answer of the API carries: no copy in caches, an entity tag, what is left to ask; and
that no body is read which is coded, by gzip or another."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import set_response_etag
from django.utils.http import parse_etags

from skincare_site.api import problems

ROOT = "/api/"
PLAIN = ("", "identity")
OF_A_BODY = ("Content-Type", "Content-Length", "Content-Disposition")


def manners(get_response: Callable) -> Callable:
    """Add the headers; answer 304 where the client has the very same already (RFC 9110, 13).

    The tag is of the content, so that it saves the way, not the work.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(ROOT):
            return get_response(request)
        coding = request.headers.get("Content-Encoding", "").strip().lower()
        response = get_response(request) if coding in PLAIN else problems.coded_body()
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
