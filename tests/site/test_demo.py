"""The demo logins are public: they work on the own machine only, unless somebody asks for them."""

import os

import pytest
from django.core.management import call_command

from accounts.management.commands.create_demo_accounts import PASSWORD
from accounts.models import User
from skincare_site.run import service
from skincare_site.run.service import announce, is_demo, settings_of, site_of

OWN_DATABASE = "postgresql://mole@db.example.org/mole"


@pytest.mark.parametrize(
    ("host", "environment", "demo"),
    [
        ("127.0.0.1", {}, True),
        ("localhost", {}, True),
        ("0.0.0.0", {}, False),
        ("192.168.1.7", {}, False),
        ("127.0.0.1", {"DATABASE_URL": OWN_DATABASE}, False),
        ("127.0.0.1", {"DATABASE_URL_FILE": "/run/secrets/database"}, False),
        ("0.0.0.0", {"DEMO": "1"}, True),
        ("127.0.0.1", {"DEMO": "0"}, False),
    ],
)
def test_it_is_a_demo_only_where_nobody_else_can_come(monkeypatch, host, environment, demo):
    for name in ("DATABASE_URL", "DATABASE_URL_FILE", "DEMO"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_demo(host) is demo


@pytest.mark.parametrize(
    ("demo", "environment", "asked"),
    [
        (True, {}, "optional"),
        (False, {}, "mandatory"),
        (False, {"EMAIL_VERIFICATION": "optional"}, "optional"),
        (False, {"EMAIL_VERIFICATION": ""}, "mandatory"),
    ],
)
def test_where_others_can_come_addresses_are_confirmed(monkeypatch, demo, environment, asked):
    monkeypatch.delenv("EMAIL_VERIFICATION", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (os.environ | settings_of(demo))["EMAIL_VERIFICATION"] == asked


@pytest.mark.parametrize(
    ("host", "environment", "leads_to"),
    [
        ("127.0.0.1", {}, "http://localhost:8000"),
        ("0.0.0.0", {}, "http://10.0.0.5:8000"),
        ("192.168.1.7", {}, "http://192.168.1.7:8000"),
        ("0.0.0.0", {"SITE_URL": "https://mole.example.org"}, "https://mole.example.org"),
        ("127.0.0.1", {"SITE_URL": "https://mole.example.org"}, "https://mole.example.org"),
    ],
)
def test_links_in_mails_lead_where_their_readers_can_come(monkeypatch, host, environment, leads_to):
    monkeypatch.setattr(service, "own_addresses", lambda: ["10.0.0.5", "192.168.1.7"])
    monkeypatch.delenv("SITE_URL", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (os.environ | site_of(host, 8000, secure=False))["SITE_URL"] == leads_to


def may_sign_in(client):
    return client.login(email="doctor@example.org", password=PASSWORD)


def test_accounts_of_an_earlier_demo_are_closed_and_opened_again(db, client, capsys):
    call_command("create_demo_accounts")
    assert may_sign_in(client)
    call_command("create_demo_accounts", close=True)
    assert not may_sign_in(client)
    call_command("create_demo_accounts")
    assert may_sign_in(client)


def test_closing_makes_none_and_leaves_a_changed_password_alone(db, client, capsys):
    call_command("create_demo_accounts", close=True)
    assert not User.objects.exists()
    call_command("create_demo_accounts")
    doctor = User.objects.get(email="doctor@example.org")
    doctor.set_password("one that only its owner knows")
    doctor.save()
    call_command("create_demo_accounts", close=True)
    assert client.login(email=doctor.email, password="one that only its owner knows")


def test_the_demo_says_what_it_lets_pass(capsys):
    announce(8000, secure=False, demo=True)
    said = capsys.readouterr().out
    assert PASSWORD in said
    assert "these logins are public, and staff need no second step" in said


def test_without_the_demo_it_says_how_the_first_account_is_made(capsys):
    announce(8000, secure=True, demo=False)
    said = capsys.readouterr().out
    assert said.startswith("Ready: https://localhost:8000\n")
    assert PASSWORD not in said
    assert "createsuperuser" in said
