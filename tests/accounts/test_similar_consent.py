"""Being shown as a similar case: asked where it is on, apart from training, withdrawn anyhow."""

from auditlog.models import LogEntry
from django.urls import reverse

PAGE = reverse("accounts:teaching")
ACCOUNT = reverse("accounts:account")
ROW = "Shown to doctors as a similar case"


def choose(client, person, **answer):
    assert client.post(PAGE, answer).url == ACCOUNT
    person.refresh_from_db()
    return person.similar_consented_at


def test_it_is_not_asked_where_it_is_off(client, alice):
    client.force_login(alice)
    assert "somebody else" not in client.get(PAGE).content.decode()
    assert ROW not in client.get(ACCOUNT).content.decode()
    assert choose(client, alice, similar="on") is None


def test_it_is_apart_from_training_and_logged(client, alice, settings):
    settings.SIMILAR_CASES = True
    client.force_login(alice)
    assert ROW in client.get(ACCOUNT).content.decode()
    since = choose(client, alice, similar="on")
    assert since
    assert alice.teaching_consented_at is None
    assert choose(client, alice, similar="on", agreed="on") == since
    assert choose(client, alice, agreed="on") is None
    assert alice.teaching_consented_at
    changes = LogEntry.objects.get_for_object(alice).filter(
        action=LogEntry.Action.UPDATE, changes__has_key="similar_consented_at"
    )
    assert [entry.actor for entry in changes] == [alice, alice]


def test_it_can_be_withdrawn_after_the_service_switched_it_off(client, alice, settings):
    settings.SIMILAR_CASES = True
    client.force_login(alice)
    choose(client, alice, similar="on")
    settings.SIMILAR_CASES = False
    assert ROW in client.get(ACCOUNT).content.decode()
    assert "somebody else" in client.get(PAGE).content.decode()
    assert choose(client, alice) is None
    assert ROW not in client.get(ACCOUNT).content.decode()
