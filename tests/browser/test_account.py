"""Signing in and out, and the second step of it."""

from allauth.mfa.totp.internal.auth import TOTP
from playwright.sync_api import Page, expect

from tests.browser import pages
from tests.factories import PASSWORD, TOTP_SECRET, current_code


def test_signing_in_and_out(page: Page, alice) -> None:
    pages.sign_in(page, alice.email)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your records")
    pages.follow(page, "Sign out")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check a mole with a picture")


def test_signing_up_tells_the_zone_of_the_browser(browser, base_url: str) -> None:
    context = browser.new_context(base_url=base_url, timezone_id="Europe/Brussels")
    page = context.new_page()
    page.goto("/account/signup/")
    expect(page.locator("input[name=time_zone]")).to_have_value("Europe/Brussels")
    context.close()


def test_the_zone_of_the_service_stays_until_another_is_chosen(
    browser, base_url: str, alice, log_in
) -> None:
    context = browser.new_context(base_url=base_url, timezone_id="Europe/Brussels")
    log_in(context, alice)
    page = context.new_page()
    page.goto("/account/preferences/")
    expect(page.get_by_label("Time zone")).to_have_value("")
    context.close()


def test_a_wrong_password_is_said_at_the_top(page: Page, alice) -> None:
    pages.sign_in(page, alice.email, "not this one")
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("not correct")
    expect(page.get_by_label("Email")).to_have_value(alice.email)


def test_a_double_click_changes_the_password_once_and_says_so(page: Page, alice) -> None:
    pages.sign_in(page, alice.email)
    page.goto("/account/password/change/")
    page.get_by_label("Current").fill(PASSWORD)
    for field in page.get_by_label("New password").all():
        field.fill("correct horse staple zebra")
    page.get_by_role("main").get_by_role("button").dblclick()
    expect(page.get_by_text("Password successfully changed")).to_be_visible()
    expect(page.get_by_text("is not saved")).to_be_hidden()


def test_a_double_click_confirms_once_by_the_code_who_it_is(page: Page, alice) -> None:
    """The second click was told that the right code is wrong."""
    pages.sign_in(page, alice.email)
    TOTP.activate(alice, TOTP_SECRET)
    page.goto("/account/2fa/reauthenticate/?next=/account/details/")
    page.get_by_label("code").fill(current_code(TOTP_SECRET))
    page.get_by_role("button", name="Continue").evaluate(
        "(button) => { button.click(); setTimeout(() => button.click(), 40); }"
    )
    expect(page.get_by_role("heading", level=1)).to_have_text("Change your name")


def test_with_a_second_step_the_password_is_not_enough(page: Page, alice) -> None:
    pages.sign_in(page, alice.email)
    pages.follow(page, "Account")
    page.get_by_role("link", name="Switch on").click()
    page.get_by_role("link", name="Switch them on").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    key = page.locator("code").inner_text()
    page.get_by_label("code").fill(current_code(key))
    page.get_by_role("main").get_by_role("button", name="Switch on").dblclick()
    recovery_code = page.get_by_role("list", name="Unused codes").inner_text().split()[0]

    page.context.clear_cookies()
    pages.sign_in(page, alice.email)
    expect(page.get_by_role("heading", level=1)).to_have_text("Type in your code")
    page.get_by_label("code").fill("000000")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Incorrect code")
    page.get_by_label("code").fill(recovery_code)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your records")


def test_a_passkey_opens_the_door_without_a_password(page: Page, alice) -> None:
    """By Chromium's own virtual key: discoverable, and unlocked by a finger."""
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "automaticPresenceSimulation": True}
    options |= {"hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    pages.sign_in(page, alice.email)
    page.goto("/account/2fa/webauthn/add/")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("A name for it").fill("my phone")
    page.get_by_label("Sign in with it alone").check()
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    page.goto("/account/2fa/webauthn/")
    expect(page.get_by_text("my phone").first).to_be_visible()

    page.context.clear_cookies()
    page.goto("/account/login/")
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your records")

    # The second step after the password, and proof that it is still her.
    page.context.clear_cookies()
    pages.sign_in(page, alice.email)
    page.get_by_role("button", name="Use your passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your records")
    page.goto("/account/data/")
    page.get_by_role("link", name="security key").click()
    page.get_by_role("button", name="Use your passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your data")


def test_a_passkey_that_fails_says_so(page: Page, alice) -> None:
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    page.goto("/account/login/")
    refuse = "() => { navigator.credentials.get = () => Promise.reject(new Error('no key')); }"
    page.evaluate(refuse)
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page.get_by_text("Sign in with your password.")).to_be_visible()
