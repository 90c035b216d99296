"""Where a link or a form may lead to afterwards: a page of this site, named by its path."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def own_page(request: HttpRequest, target: str, otherwise: str = "/") -> str:
    """``target``, unless it is another site's, or the name of a view, or nothing."""
    allowed = url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure())
    return target if allowed and target.startswith("/") else otherwise
