from collections.abc import Iterable
from typing import Any

from allauth.account.admin import EmailAddressAdmin as AllauthEmailAddressAdmin
from allauth.account.models import EmailAddress
from allauth.mfa.admin import AuthenticatorAdmin as AllauthAuthenticatorAdmin
from allauth.mfa.base.internal.flows import delete_dangling_recovery_codes
from allauth.mfa.models import Authenticator
from allauth.socialaccount.admin import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.admin import UserSessionAdmin as AllauthUserSessionAdmin
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _
from knox.admin import AuthTokenAdmin as KnoxAuthTokenAdmin
from knox.models import AuthToken

from accounts import notices
from accounts.addresses import owners
from accounts.forms import UntouchedForm
from accounts.models import User
from accounts.ownership import take_turn
from accounts.roles import NAMES, STAFF

OF_OTHERS_ONLY = ("email", "is_active", "is_staff", "groups")


class OwnAddress(forms.BaseForm):
    """An address that signs somebody else in, as a further one of theirs, is refused."""

    instance: User

    def clean_email(self) -> str:
        email = self.cleaned_data["email"]
        is_taken = owners(email).exclude(pk=self.instance.pk).exists()
        if is_taken and "email" in self.changed_data:
            raise ValidationError(User._meta.get_field("email").error_messages["unique"])
        return email


class CreationForm(OwnAddress, AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("email",)


class ChangeForm(OwnAddress, UntouchedForm, UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"
        field_classes: dict[str, type] = {}

    def clean(self) -> dict[str, Any]:
        """Without staff, such a role opens nothing, and nobody is asked for the second step."""
        cleaned = super().clean()
        names = {group.name for group in cleaned.get("groups", ())}
        if names & STAFF and not cleaned.get("is_staff"):
            self.add_error(
                "is_staff",
                _("Doctors and administrators are staff: tick it, or leave out the group."),
            )
        return cleaned


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    """For administrators. What makes a superuser stays with superusers."""

    form = ChangeForm
    add_form = CreationForm
    ordering = ("email",)
    list_display = ("email", "display_name", "is_active", "is_staff", "date_joined")
    list_filter = ("groups", "is_active", "is_staff")
    search_fields = ("email", "display_name")
    readonly_fields = ("consent_version", "consented_at", "last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "password", "display_name", "date_of_birth")}),
        (_("Consent"), {"fields": ("consent_version", "consented_at")}),
        (_("Rights"), {"fields": ("is_active", "is_staff", "groups")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        people = super().get_queryset(request)
        return people if request.user.is_superuser else people.filter(is_superuser=False)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Nobody gives a role or an address to themselves: that takes two."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields + OF_OTHERS_ONLY if obj == request.user else fields

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Not themselves: the account page asks for the password first."""
        return obj != request.user and super().has_delete_permission(request, obj)

    def changeform_view(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Look again where another request took the address meanwhile: now the form says so."""
        try:
            return super().changeform_view(*args, **kwargs)
        except IntegrityError:
            return super().changeform_view(*args, **kwargs)

    @transaction.atomic
    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        # By the row that Django finds: an id has several spellings.
        before = self.get_object(request, unquote(id))
        if before == request.user:
            return redirect("account_change_password")  # asks for the old one, and is limited
        response = super().user_change_password(request, id, form_url)
        if before and (person := User.objects.get(pk=before.pk)).password != before.password:
            is_set = person.has_usable_password()
            notices.send(person, notices.PASSWORD_SET if is_set else notices.PASSWORD_OFF)
        return response

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and "email" in form.changed_data:
            old = form.initial["email"]
            notices.send(obj, notices.ADDRESS_REPLACED, to=old, address=obj.email)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if change and {"groups", "is_staff"}.intersection(form.changed_data):
            groups = form.instance.groups.order_by("pk").values_list("name", flat=True)
            roles = [NAMES.get(name, name) for name in groups]
            roles += [_("staff")] if form.instance.is_staff else []
            # Lazily, since the reader has another language than the administrator.
            named = lazy(lambda: ", ".join(map(str, roles)) or "–", str)()
            notices.send(form.instance, notices.ROLES_CHANGED, roles=named)

    @transaction.atomic
    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """With what a doctor writes on a picture of theirs at this moment."""
        take_turn(obj.pk)
        super().delete_model(request, obj)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for key in sorted(queryset.values_list("pk", flat=True)):
            take_turn(key)
        super().delete_queryset(request, queryset)

    def get_deleted_objects(self, objs: Iterable[User], request: HttpRequest) -> tuple:
        """What belongs to a person goes with them: neither asked for one by one nor shown here.

        Verdicts protect who wrote them.
        """
        _every, count, _rights, protected = super().get_deleted_objects(objs, request)
        lacking = {str(person) for person in objs if person == request.user}
        return [str(person) for person in objs], count, lacking, protected


class OfPeople:
    """Rows that nobody adds or changes here; those of a superuser stay with superusers."""

    person = "user"  # the way to whom a row belongs

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_queryset(request)
        theirs = {f"{self.person}__is_superuser": True}
        return rows if request.user.is_superuser else rows.exclude(**theirs)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet) -> list[LogEntry]:
        """By pseudonyms: Django's own log, too, outlives the account."""
        names = {str(row.pk): getattr(row, self.person).pseudonym for row in queryset}
        entries = super().log_deletions(request, queryset)  # type: ignore[misc]
        for entry in entries:
            entry.object_repr = names[str(entry.object_id)]
        LogEntry.objects.bulk_update(entries, ["object_repr"])
        return entries


class Kept:
    """Rows that nobody adds or deletes here."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Seen(Kept):
    """Rows that nobody changes here, either."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


for model in (AuthToken, Authenticator, EmailAddress, UserSession):
    admin.site.unregister(model)
# The identity provider stands in the settings, and verified addresses tie accounts to it.
for model in (SocialAccount, SocialApp, SocialToken):
    admin.site.unregister(model)


@admin.register(AuthToken)
class AuthTokenAdmin(OfPeople, KnoxAuthTokenAdmin):
    """Tokens of programs: seen and revoked."""


@admin.register(EmailAddress)
class EmailAddressAdmin(OfPeople, AllauthEmailAddressAdmin):
    """Addresses to sign in with; which one is an account's is changed in the account alone."""


@admin.register(UserSession)
class UserSessionAdmin(OfPeople, AllauthUserSessionAdmin):
    """Where people are signed in."""

    search_fields = ("user__email", "ip")


@admin.register(Authenticator)
class AuthenticatorAdmin(OfPeople, AllauthAuthenticatorAdmin):
    """For who has lost the phone: a second factor is removed, and its secret is seen by nobody.

    The recovery codes go with the last one, as on the person's own page; the person is told.
    """

    search_fields = ("user__email",)
    fields = readonly_fields = ("user", "type", "created_at", "last_used_at")

    def has_delete_permission(self, request: HttpRequest, obj: Authenticator | None = None) -> bool:
        """Not their own: the account page asks for the password first."""
        own = obj is not None and obj.user_id == request.user.pk
        return not own and super().has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: Authenticator) -> None:
        super().delete_model(request, obj)
        _after_removal(obj.user)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Authenticator]) -> None:
        people = {authenticator.user for authenticator in queryset.select_related("user")}
        super().delete_queryset(request, queryset)
        for person in people:
            _after_removal(person)


def _after_removal(person: User) -> None:
    """Also end the tokens of staff who have none now: with another one they would open again."""
    delete_dangling_recovery_codes(person)
    if person.lacks_second_factor:
        person.auth_token_set.all().delete()
    notices.send(person, notices.FACTOR_REMOVED)
