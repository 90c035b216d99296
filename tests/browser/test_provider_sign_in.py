"""Sign-in through the clinic's identity provider, as somebody at a keyboard meets it."""

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from tests.identity_provider import running


@pytest.fixture
def provider(unused_tcp_port):
    with running(unused_tcp_port) as provider:
        yield provider


def test_a_doctor_gets_from_the_first_page_to_the_queue(
    page: Page, live_server, provider, settings
):
    provider.configure(settings, roles={"dermatologists": "doctor"}, second_step=("mfa",))
    settings.LOCAL_PASSWORDS = False
    who = {"name": "Chen Wei", "email": "chen@clinic.example", "email_verified": True}
    provider.let_exist("chen", **who, groups=["dermatologists"], amr=["mfa"])
    page.goto(f"{live_server.url}/admin/")
    expect(page.get_by_label("Password")).to_have_count(0)
    page.get_by_role("link", name="Sign in with Clinic login").click()
    page.locator("input[name=sub]").fill("chen")
    page.get_by_role("button", name="Authorize").click()
    expect(page).to_have_url(f"{live_server.url}/admin/")
    assert User.objects.get().groups.get().name == "doctor"
