"""Names hold nothing that their readers can't see."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse

from diagnosis.moles.models import Mole
from tests.factories import PASSWORD, MoleFactory

TURNED = "Dr \u202enehC"
UNSEEN = [TURNED, "Chen\u200f", "Ch\u2066en", "line\u2028end", "Chen\x07", "\ufeffChen", "\ue000"]
UNSEEN += ["\u3164", "\uffa0", "\u2800 \u2800", "Chen\u034f", "\u200d", "\ufe0f", "\u180bChen"]


@pytest.mark.parametrize("name", UNSEEN)
def test_what_nobody_sees_is_refused(client, alice, name):
    client.force_login(alice)
    answer = client.post(reverse("accounts:details"), {"display_name": name})
    assert answer.status_code == 400
    alice.refresh_from_db()
    assert alice.display_name == "alice"


@pytest.mark.parametrize(
    "name", ["Zoë O’Brien-Łuczak", "陳大文", "خانه\u200cای", "محمد", "👩\u200d⚕️", "क्\u200dष"]
)
def test_names_of_the_world_are_taken(client, alice, name):
    client.force_login(alice)
    assert client.post(reverse("accounts:details"), {"display_name": name}).status_code == 302


def test_nor_at_sign_up(client, db):
    answer = client.post(reverse("account_signup"), {"display_name": TURNED})
    assert "display_name" in answer.context["form"].errors


def test_nor_for_a_mole(client, alice):
    mole = MoleFactory(owner=alice)
    client.force_login(alice)
    client.post(reverse("diagnosis:mole_edit", args=[mole.pk]), {"name": TURNED, "body_site": ""})
    assert Mole.objects.get().name == mole.name


def test_nor_for_a_doctor_above_the_verdicts(client, dr_chen):
    client.force_login(dr_chen)
    page = reverse("admin:diagnosis_doctorprofile_changelist")
    page = client.get(page).url
    client.post(page, {"shown_name": TURNED})
    dr_chen.doctor_profile.refresh_from_db()
    assert dr_chen.doctor_profile.shown_name == ""


@pytest.mark.parametrize("view", ["mfa_add_webauthn", "mfa_edit_webauthn"])
def test_nor_for_a_security_key(client, alice, view, monkeypatch):
    """Its own check of the key is the library's business, and passed here."""
    for name in ("parse_registration_response", "complete_registration"):
        monkeypatch.setattr(auth, name, lambda credential: None)
    key = Authenticator.objects.create(user=alice, type="webauthn", data={"name": "My phone"})
    monkeypatch.setattr(auth, "begin_registration", lambda *args: {})
    client.force_login(alice)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    address = reverse(view, args=[key.pk] if "edit" in view else [])
    answer = client.post(address, {"name": TURNED, "credential": '{"id": "AA"}'})
    assert "can be seen" in answer.content.decode()
    [kept] = Authenticator.objects.filter(type="webauthn")
    assert kept.wrap().name == "My phone"


@pytest.mark.parametrize("email", ["chen@exam\u200bple.org", "ch\u202een@example.org"])
def test_nor_in_an_address(client, db, email):
    answer = client.post(reverse("account_signup"), {"email": email})
    assert "email" in answer.context["form"].errors


# Others never read them, or the program writes them, or they are of ASCII alone.
NOBODYS_WORDS = {
    *("password", "consent_version", "language", "model_version"),
    *("sender", "key", "request_digest", "made", "url", "endpoint"),
}


def lines_of_text():
    """Every field of ours in which somebody writes one line in their own words."""
    for model in apps.get_models():
        if not model.__module__.startswith(("accounts.", "diagnosis.")):
            continue
        for field in model._meta.get_fields():
            free = isinstance(field, models.CharField) and not field.choices and field.editable
            if free and field.name not in NOBODYS_WORDS:
                yield pytest.param(field, id=str(field))


@pytest.mark.parametrize("field", list(lines_of_text()))
def test_no_line_of_text_takes_them(field):
    with pytest.raises(ValidationError):
        field.run_validators("a\u202eb")
