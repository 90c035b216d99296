"""The administrator's pages in a real browser: Django's own, in the product's colours."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib import admin
from django.contrib.auth.models import Group
from django.urls import reverse
from playwright.sync_api import Page

from diagnosis.models import Webhook
from tests.browser import pages
from tests.browser.conftest import DESKTOP


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everything_can_be_read(page: Page, alice, admin_user, log_in, theme) -> None:
    Webhook.objects.create(owner=alice, url="https://example.org/", events=Webhook.Event.values)
    pages.record_of(alice)
    lists = [f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry]
    addresses = [
        reverse("admin:index"),
        *(reverse(f"admin:{name}_changelist") for name in lists),
        reverse("admin:accounts_user_add"),
        reverse("admin:accounts_user_change", args=[alice.pk]),
        reverse("admin:auth_group_change", args=[Group.objects.get(name="doctor").pk]),
        reverse("admin:accounts_user_delete", args=[alice.pk]),
    ]
    page.set_viewport_size(DESKTOP)
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    log_in(page.context, admin_user)
    found = []
    for address in addresses:
        page.goto(address)
        result = Axe().run(
            page, options={"runOnly": {"type": "rule", "values": ["color-contrast"]}}
        )
        found += [
            f"{address}: {node['html'][:150]} {node['failureSummary']}"
            for violation in result.response["violations"]
            for node in violation["nodes"]
        ]
    assert not found, "\n".join(found)
