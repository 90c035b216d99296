"""Forms of the account, above all sign-up: what health data need is consent and a minimum age."""

import zoneinfo
from itertools import groupby
from operator import itemgetter
from typing import Any

from allauth.account.forms import ChangePasswordForm as AllauthChangePasswordForm
from allauth.account.forms import ResetPasswordForm as AllauthResetPasswordForm
from allauth.account.forms import SignupForm as AllauthSignupForm
from allauth.core import context
from django import forms
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.addresses import drop_claims, owners
from accounts.age import check_born
from accounts.consent import (
    CONSENT_TEXT,
    CONSENT_VERSION,
    SIMILAR_TEXT,
    TEACHING_TEXT,
    check_old_enough,
)
from accounts.models import User
from accounts.names import check_name
from accounts.refusals import tell


def time_zones() -> list[tuple[str, list[tuple[str, str]]]]:
    """List the time zones that are named after places, by continent."""
    places = sorted(
        name.split("/", 1)
        for name in zoneinfo.available_timezones()
        if "/" in name and not name.startswith(("Etc/", "SystemV/", "US/", "posix", "right"))
    )
    return [
        (
            continent,
            [(f"{continent}/{place}", place.replace("_", " ")) for _continent, place in its],
        )
        for continent, its in groupby(places, key=itemgetter(0))
    ]


class BrowserZoneField(forms.CharField):
    """What the browser says of itself (static/js/time-zone.js): no person could mend it."""

    widget = forms.HiddenInput

    def clean(self, value: Any) -> str:
        name = super().clean(value)
        return name if any(name in dict(places) for _continent, places in time_zones()) else ""


class Untouched(forms.BaseForm):
    """Also carries what the page showed: what was saved since stays where nothing was touched."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            is_told = self.add_initial_prefix(name) in self.data
            field.show_hidden_initial = is_told or not self.is_bound

    def clean(self) -> dict[str, Any]:
        super().clean()
        untouched = self.fields.keys() - set(self.changed_data)
        return self.cleaned_data | {name: self.initial.get(name) for name in untouched}


class UntouchedForm(Untouched, forms.ModelForm):
    pass


class SignupForm(AllauthSignupForm):
    """Settings name it as allauth's sign-up form."""

    display_name = forms.CharField(
        label=_("Your name"),
        max_length=100,
        required=False,
        validators=[check_name],
        help_text=_("Doctors of this service see it."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    date_of_birth = forms.DateField(
        label=_("Date of birth"),
        validators=[check_born, check_old_enough],
        help_text=_("You must be at least 16 years old."),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "autocomplete": "bday"}),
        error_messages={
            "required": _("Enter your date of birth."),
            "invalid": _("Enter your date of birth as year, month and day, such as 1980-03-27."),
        },
    )
    consent = forms.BooleanField(
        label=CONSENT_TEXT,
        error_messages={"required": _("Without your consent we can't store or assess pictures.")},
    )

    time_zone = BrowserZoneField(required=False)

    field_order = ["email", "display_name", "date_of_birth", "password1", "password2", "consent"]

    def validate_unique_email(self, value: str) -> str:
        if owners(value).exists():
            return super().validate_unique_email(value)
        self.account_already_exists = False
        return value

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        """Hash the password also where the address has an account already, and only a mail goes
        there: the time that the answer takes must not tell."""
        if not self.account_already_exists and (user := self.save(request)):
            return user, None
        User().set_password(self.cleaned_data["password1"])
        if settings.ACCOUNT_EMAIL_VERIFICATION != "mandatory":
            return None, redirect("account_login")  # it is open already
        return super().try_save(request)

    def save(self, request: HttpRequest) -> User | None:
        """None where another request took the address meanwhile, as of a form sent twice."""
        try:
            with transaction.atomic():
                drop_claims(self.cleaned_data["email"])
                return super().save(request)
        except IntegrityError:
            self.account_already_exists = True
            if not User.objects.filter(email=self.cleaned_data["email"]).exists():
                raise
            return None

    def custom_signup(self, request: HttpRequest, user: User) -> None:
        """Called by allauth with the stored account, in the same transaction."""
        user.display_name = self.cleaned_data["display_name"]
        user.date_of_birth = self.cleaned_data["date_of_birth"]
        user.consent_version, user.consented_at = CONSENT_VERSION, timezone.now()
        # For e-mails, which no browser asks for.
        user.language = get_language()
        user.time_zone = self.cleaned_data["time_zone"]
        user.save()
        user.groups.add(Group.objects.get(name="person"))


class ConsentForm(forms.Form):
    """As at sign-up: consent, and a minimum age of who has not said how old they are."""

    date_of_birth = SignupForm.base_fields["date_of_birth"]
    consent = SignupForm.base_fields["consent"]
    time_zone = BrowserZoneField(required=False)

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = person.date_of_birth
        if self.known:
            del self.fields["date_of_birth"]

    def clean(self) -> None:
        """As of a date that is said here: somebody else may have stored one before."""
        if self.known:
            check_old_enough(self.known)


class ResetPasswordForm(AllauthResetPasswordForm):
    """Its link opens an account of the address alone: another's would not be theirs only."""

    users: list[User]  # as allauth calls whom it mails

    def clean_email(self) -> str:
        email = super().clean_email()
        theirs = owners(email)
        self.users = [person for person in self.users if person in theirs]
        return email


class ChangePasswordForm(AllauthChangePasswordForm):
    """Who doesn't know the old password, in a session that somebody left open, was refused."""

    def clean_oldpassword(self) -> str:
        try:
            return super().clean_oldpassword()
        except ValidationError:
            tell(context.request, person=self.user)
            raise


class TeachingForm(Untouched, forms.Form):
    """What else the person's reviewed pictures may be used for: each off as easily as on."""

    agreed = forms.BooleanField(label=TEACHING_TEXT, required=False)
    similar = forms.BooleanField(label=SIMILAR_TEXT, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Where it is off, it can still be withdrawn.
        if not (settings.SIMILAR_CASES or self.initial.get("similar")):
            del self.fields["similar"]


class PreferencesForm(UntouchedForm):
    """Language and time zone; empty leaves both to browser and service."""

    language = forms.ChoiceField(
        label=_("Language"),
        choices=[("", _("As my browser asks")), *settings.LANGUAGES],
        required=False,
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        help_text=_("In which the times on the pages are given."),
        choices=[("", _("As the service")), *time_zones()],
        required=False,
    )

    class Meta:
        model = User
        fields = ["language", "time_zone"]
