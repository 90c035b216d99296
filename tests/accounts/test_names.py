"""Names hold nothing that their readers can't see."""

import pytest
from django.urls import reverse

from diagnosis.moles.models import Mole
from tests.factories import MoleFactory

TURNED = "Dr \u202enehC"
UNSEEN = [TURNED, "Chen\u200f", "Ch\u2066en", "line\u2028end", "Chen\x07", "\ufeffChen", "\ue000"]


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
