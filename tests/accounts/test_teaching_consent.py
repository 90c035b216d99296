"""The use of pictures for training: off until a person allows it, and off again at any time."""

from auditlog.models import LogEntry
from django.urls import reverse

PAGE = reverse("accounts:teaching")
ACCOUNT = reverse("accounts:account")


def choose(client, person, **answer):
    response = client.post(PAGE, answer)
    assert response.url == ACCOUNT
    person.refresh_from_db()
    return person.teaching_consented_at


def test_it_is_off_until_allowed_and_can_be_withdrawn(client, alice):
    client.force_login(alice)
    assert "Not allowed" in client.get(ACCOUNT).content.decode()
    assert "checked" not in client.get(PAGE).content.decode()
    since = choose(client, alice, agreed="on")
    assert since
    assert "checked" in client.get(PAGE).content.decode()
    assert choose(client, alice, agreed="on") == since
    assert choose(client, alice) is None


def test_each_change_is_in_the_audit_log(client, alice):
    client.force_login(alice)
    choose(client, alice, agreed="on")
    choose(client, alice)
    changes = LogEntry.objects.get_for_object(alice).filter(
        action=LogEntry.Action.UPDATE, changes__has_key="teaching_consented_at"
    )
    assert [entry.actor for entry in changes] == [alice, alice]
