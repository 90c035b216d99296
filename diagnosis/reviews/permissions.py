"""Who may read other people's records and write verdicts, by whichever door of the API."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.staff import may


class IsDoctor(BasePermission):
    """Doctors; in a browser after both steps of signing in, as in the administration."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return may(request, "diagnosis.add_review")
