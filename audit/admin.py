"""The audit log, for administrators: filtered, and as CSV."""

from typing import Any

from auditlog.admin import LogEntryAdmin as AuditlogLogEntryAdmin
from auditlog.filters import ResourceTypeFilter
from auditlog.models import LogEntry
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from audit import log

admin.site.unregister(LogEntry)


class ActionFilter(admin.SimpleListFilter):
    """What an entry's details say it is counts as an action, too."""

    title = _("action")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple]:
        return [*LogEntry.Action.choices, *log.WORDS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() is None:
            return queryset
        if self.value() in log.WORDS:
            return queryset.filter(additional_data__action=self.value())
        if self.value() not in map(str, range(len(LogEntry.Action.choices))):
            return queryset.none()
        return queryset.filter(action=self.value())


@admin.register(LogEntry)
class LogEntryAdmin(AuditlogLogEntryAdmin):
    list_display = ("created", "actor_name", "action_name", "resource_url", "msg_short")
    list_filter = (ActionFilter, ResourceTypeFilter)
    search_fields = ("object_pk", "object_repr", "actor_email", "actor__email")
    search_help_text = _("Record or person by id or pseudonym, or a staff member's e-mail")
    readonly_fields = ("created", "actor_name", "action_name", "resource_url", "msg")
    fieldsets = ((None, {"fields": (*readonly_fields, "additional_data")}),)
    show_full_result_count = False
    actions = None

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                "export/",
                self.admin_site.admin_view(require_http_methods(["GET", "POST"])(self.export_view)),
                name="auditlog_logentry_export",
            ),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(
            request, {"title": _("Audit log"), "query": request.GET.urlencode()}
        )

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """What the list shows under the same filters, all pages of it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        entries = self.get_changelist_instance(request).get_queryset(request)
        log.log_export(request.user, to="audit log as CSV")
        name = f"audit-log-{timezone.localdate()}.csv"
        return StreamingHttpResponse(
            log.as_csv(entries),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    @admin.display(description=_("who"), ordering="actor_email")
    def actor_name(self, entry: LogEntry) -> str:
        return log.actor(entry)

    @admin.display(description=_("action"), ordering="action")
    def action_name(self, entry: LogEntry) -> str:
        return log.action(entry)
