"""Requests as views get them whose person is signed in."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails
from rest_framework.request import Request

from accounts.models import User


class PersonRequest(HttpRequest):
    """What a view below ``login_required`` gets, and one of the admin."""

    user: User
    htmx: HtmxDetails


class PersonApiRequest(Request):
    """What a view of the API gets that asks for a person."""

    user: User
