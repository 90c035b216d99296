from collections.abc import Iterable

from allauth.mfa.admin import AuthenticatorAdmin as AllauthAuthenticatorAdmin
from allauth.mfa.base.internal.flows import delete_dangling_recovery_codes
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import User


class CreationForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("email",)


class ChangeForm(UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"
        field_classes: dict[str, type] = {}


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

    def get_deleted_objects(self, objs: Iterable[User], request: HttpRequest) -> tuple:
        """What belongs to a person goes with them: neither asked for one by one nor shown here.

        Verdicts protect who wrote them.
        """
        _every, count, _rights, protected = super().get_deleted_objects(objs, request)
        return [str(person) for person in objs], count, set(), protected


admin.site.unregister(Authenticator)


@admin.register(Authenticator)
class AuthenticatorAdmin(AllauthAuthenticatorAdmin):
    """For who has lost the phone: a second factor is removed, and its secret is seen by nobody.

    The recovery codes go with the last one, as on the person's own page.
    """

    search_fields = ("user__email",)
    fields = readonly_fields = ("user", "type", "created_at", "last_used_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Authenticator | None = None) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: Authenticator) -> None:
        super().delete_model(request, obj)
        delete_dangling_recovery_codes(obj.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Authenticator]) -> None:
        people = {authenticator.user for authenticator in queryset.select_related("user")}
        super().delete_queryset(request, queryset)
        for person in people:
            delete_dangling_recovery_codes(person)
