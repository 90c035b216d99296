"""An administrator deletes a person with all that belongs to them; no name stays behind."""

from auditlog.models import LogEntry
from django.contrib.admin.models import LogEntry as AdminEntry
from django.urls import reverse

from accounts.models import User
from diagnosis.models import Mole, MoleRecord
from tests.factories import MoleFactory, ReviewFactory, assessed


def delete(client, person):
    return client.post(reverse("admin:accounts_user_delete", args=[person.pk]), {"post": "yes"})


def test_rows_and_pictures_go_and_the_log_keeps_a_pseudonym(
    client, frank, alice, stored_files, django_capture_on_commit_callbacks
):
    mole = MoleFactory(owner=alice, name="scar on the chin")
    ReviewFactory(record=assessed("benign", owner=alice, mole=mole))
    client.force_login(frank)
    page = client.get(reverse("admin:accounts_user_delete", args=[alice.pk])).content.decode()
    assert alice.pseudonym in page
    assert "scar on the chin" not in page
    with django_capture_on_commit_callbacks(execute=True):
        assert delete(client, alice).status_code == 302
    assert not User.objects.filter(pk=alice.pk).exists()
    assert not MoleRecord.objects.exists()
    assert not Mole.objects.exists()
    assert not stored_files()
    entry = LogEntry.objects.get(object_pk=str(alice.pk), action=LogEntry.Action.DELETE)
    assert (entry.object_repr, entry.actor) == (alice.pseudonym, frank)
    logs = str(list(LogEntry.objects.values())) + str(list(AdminEntry.objects.values()))
    assert "alice" not in logs
    assert "scar on the chin" not in logs


def test_several_at_once(client, frank, alice, bob):
    assessed("benign", owner=alice)
    client.force_login(frank)
    chosen = {"action": "delete_selected", "_selected_action": [alice.pk, bob.pk], "post": "yes"}
    client.post(reverse("admin:accounts_user_changelist"), chosen)
    assert set(User.objects.all()) == {frank}


def test_a_doctor_with_verdicts_stays(client, frank, alice, dr_chen):
    ReviewFactory(record=assessed("benign", owner=alice), doctor=dr_chen)
    client.force_login(frank)
    delete(client, dr_chen)
    assert User.objects.filter(pk=dr_chen.pk).exists()
