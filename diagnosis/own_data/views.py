"""Own data: download everything, delete the account; both ask for the password again."""

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from accounts.models import User
from accounts.requests import PersonRequest
from diagnosis.language import verdicts
from diagnosis.own_data import deletion
from diagnosis.own_data.responses import zip_answer


@require_safe
@login_required
@reauthentication_required
def own_data(request: PersonRequest) -> HttpResponse:
    context = {"pictures": request.user.records.count_pictures()}
    return render(request, "diagnosis/own_data.html", context)


@require_GET
@login_required
@reauthentication_required
def download(request: PersonRequest) -> StreamingHttpResponse:
    return zip_answer(request.user)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@reauthentication_required
def account_delete(request: PersonRequest) -> HttpResponse:
    if request.method == "POST":
        person = User.objects.get(pk=request.user.pk)
        try:
            deletion.delete_account(person)
        except ValidationError as refused:
            messages.error(request, refused.message)
            return redirect("accounts:account")
        logout(request)
        messages.success(request, _("Your account and all that belonged to it are deleted."))
        return redirect("diagnosis:home")
    own = request.user.records
    ends = verdicts.asked_no_more(own.visit_asked())
    context = {"pictures": own.count_pictures(), "ends": ends}
    return render(request, "diagnosis/account_delete.html", context)
