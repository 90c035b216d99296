"""Signing in and out, and the second step of it."""

import base64
import hmac
import struct
import time

from playwright.sync_api import Page, expect

from tests.factories import PASSWORD


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.goto("/account/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def one_time_code(key: str) -> str:
    """As an authenticator app makes it: RFC 6238."""
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.digest(base64.b32decode(key), counter, "sha1")
    start = digest[-1] & 15
    number = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def test_signing_in_and_out(page: Page, alice) -> None:
    sign_in(page, alice.email)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your records")
    page.get_by_role("link", name="Sign out").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check a mole with a picture")


def test_a_wrong_password_is_said_at_the_top(page: Page, alice) -> None:
    sign_in(page, alice.email, "not this one")
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("not correct")
    expect(page.get_by_label("Email")).to_have_value(alice.email)


def test_with_a_second_step_the_password_is_not_enough(page: Page, alice) -> None:
    sign_in(page, alice.email)
    page.get_by_role("link", name="Account").click()
    page.get_by_role("link", name="Switch on").click()
    page.get_by_role("link", name="Switch it on").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    key = page.locator("code").inner_text()
    page.get_by_label("code").fill(one_time_code(key))
    page.get_by_role("main").get_by_role("button", name="Switch on").click()
    recovery_code = page.get_by_label("Unused codes").input_value().split()[0]

    page.context.clear_cookies()
    sign_in(page, alice.email)
    expect(page.get_by_role("heading", level=1)).to_have_text("Type in your code")
    page.get_by_label("code").fill("000000")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Incorrect code")
    page.get_by_label("code").fill(recovery_code)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your records")
