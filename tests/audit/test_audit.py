"""The audit log: complete, append-only, without names; administrators filter and export it."""

import csv
import io
import json
from datetime import timedelta
from importlib import import_module

import pytest
from auditlog.models import LogEntry
from celery.exceptions import SoftTimeLimitExceeded
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from audit import log
from diagnosis.reviews import verdicts
from tests.factories import BENIGN, DAYS, PASSWORD, UserFactory, assessed, picture

LIST = reverse("admin:auditlog_logentry_changelist")
EXPORT = reverse("admin:auditlog_logentry_export")
Action = LogEntry.Action


@pytest.fixture
def administrator(client, frank):
    client.force_login(frank)
    return client


def rows(response):
    text = b"".join(response.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE auditlog_logentry SET object_repr = 'nothing happened'",
        "UPDATE auditlog_logentry SET actor_email = NULL, actor_id = NULL",
        "DELETE FROM auditlog_logentry",
        "TRUNCATE auditlog_logentry",
    ],
)
def test_nobody_changes_or_deletes_an_entry(client, alice, statement):
    client.force_login(alice)
    client.post(reverse("accounts:teaching"), {"agreed": "on"})
    with connection.cursor() as cursor:
        # Off in tests, which empty their tables.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE auditlog_logentry ENABLE TRIGGER auditlog_no_truncate")
        before = list(LogEntry.objects.values())
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute(statement)
    assert list(LogEntry.objects.values()) == before


def test_no_name_in_the_export_is_a_formula(administrator):
    for name in ("=1+1", "@sum(a1)", "+1", "-1"):
        dr = UserFactory(display_name=name, role="doctor", is_staff=True)
        log.decision(dr, log.SIGN_IN, actor=dr)
    found = rows(administrator.get(EXPORT))
    assert {row["actor"] for row in found} >= {"'=1+1", "'@sum(a1)", "'+1", "'-1"}
    assert not any(value.startswith(tuple("=+@")) for row in found for value in row.values())


def entry_of(days_ago: int) -> LogEntry:
    return LogEntry.objects.create(
        content_type=ContentType.objects.get_for_model(User),
        object_pk=str(days_ago),
        object_repr="P-00000000",
        action=Action.ACCESS,
        timestamp=timezone.now() - timedelta(days=days_ago),
    )


def test_entries_go_after_three_years_which_the_log_says(db, administrator, monkeypatch):
    monkeypatch.setattr(log, "REMOVED_AT_ONCE", 2)
    for days_ago in (1, 800, 1094, 1096, 1500, 2000, 4000, 5000):
        entry_of(days_ago)
    assert log.remove_old() == 5
    kept = LogEntry.objects.filter(action=Action.ACCESS).values_list("object_pk", flat=True)
    assert set(kept) == {"1", "800", "1094"}
    assert log.remove_old() == 0
    assert administrator.get(LIST).status_code == 200
    assert removals(administrator) == [1, 2, 2]


def removals(administrator) -> list[int]:
    """What the log says of each batch."""
    said = [row for row in rows(administrator.get(EXPORT)) if "removed" in row["action"]]
    return sorted(json.loads(row["details"])["entries"] for row in said)


def test_a_removal_that_is_cut_off_says_how_many_are_gone_until_then(
    transactional_db, administrator, monkeypatch
):
    """A task has 15 seconds; who has the log for years has millions of old entries."""
    monkeypatch.setattr(log, "REMOVED_AT_ONCE", 2)
    for days_ago in (1096, 1500, 2000, 4000, 5000):
        entry_of(days_ago)
    batches = []

    def cut_off(execute, sql, *arguments):
        if "auditlog_remove_older_than" in sql:
            batches.append(sql)
            if len(batches) == 3:
                raise SoftTimeLimitExceeded
        return execute(sql, *arguments)

    with connection.execute_wrapper(cut_off), pytest.raises(SoftTimeLimitExceeded):
        log.remove_old()
    assert LogEntry.objects.filter(action=Action.ACCESS).count() == 1
    assert removals(administrator) == [2, 2]


def test_what_the_log_can_t_say_is_not_removed(transactional_db, monkeypatch):
    entry_of(2000)

    def cut_off(*_arguments, **_named):
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(log, "_create", cut_off)
    with pytest.raises(SoftTimeLimitExceeded):
        log.remove_old()
    assert LogEntry.objects.filter(object_pk="2000").exists()


def test_nobody_removes_what_is_younger_than_a_year(db):
    entry_of(300)
    with connection.cursor() as cursor:
        for statement in (
            "SELECT auditlog_remove_older_than(299, 10)",
            "DELETE FROM auditlog_logentry WHERE timestamp < now() - interval '299 days'",
        ):
            with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
                cursor.execute(statement)
    assert LogEntry.objects.filter(object_pk="300").exists()


def test_an_old_entry_can_be_removed_but_not_changed(db):
    entry_of(2000)
    with (
        connection.cursor() as cursor,
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
    ):
        cursor.execute("UPDATE auditlog_logentry SET object_repr = 'nothing happened'")


def test_entries_stay_without_a_name_when_the_person_goes(client, alice):
    client.force_login(alice)
    client.post(reverse("accounts:teaching"), {"agreed": "on"})
    pseudonym, email = alice.pseudonym, alice.email
    alice.delete()
    allowed = LogEntry.objects.get(action=Action.UPDATE, changes__has_key="teaching_consented_at")
    assert log.actor(allowed) == pseudonym
    everything = str(list(LogEntry.objects.values()))
    assert pseudonym in everything
    assert email not in everything
    assert "alice" not in everything


def test_of_a_verdict_it_keeps_that_it_changed_and_not_what_it_said(administrator, alice, dr_chen):
    """Administrators read no verdicts, and the log outlives the account."""
    record = assessed(owner=alice)
    review = verdicts.write(record=record, doctor=dr_chen, diagnosis="mel", **DAYS)
    verdicts.correct(review=review, by=dr_chen, diagnosis="nv", **BENIGN)
    alice.delete()
    kept = [row for row in rows(administrator.get(EXPORT)) if row["kind"] == "review"]
    assert {row["action"] for row in kept} == {"create", "update", "delete"}
    assert {"diagnosis", "risk_category", "urgency"} < set(json.loads(kept[0]["changes"]))
    for word in ("mel", "nv", *DAYS.values(), *BENIGN.values()):
        assert f'"{word}"' not in str([row["changes"] for row in kept])


def test_neither_does_the_name_of_staff_stay(dr_chen):
    dr_chen.delete()
    assert "dr_chen" not in str(list(LogEntry.objects.values()))
    assert not User.objects.exists()


def test_entries_of_before_lose_the_names_that_they_had(alice):
    entry = LogEntry.objects.get_for_object(alice).first()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE auditlog_logentry DISABLE TRIGGER USER")
        LogEntry.objects.filter(pk=entry.pk).update(
            object_repr="alice", actor_email=alice.email, actor=alice
        )
        LogEntry.objects.exclude(pk=entry.pk).update(actor_email="gone@example.org")
        cursor.execute(import_module("accounts.migrations.0005_append_only_audit_log").NEUTRAL)
    entry.refresh_from_db()
    assert (entry.object_repr, entry.actor_email) == (alice.pseudonym, alice.pseudonym)
    assert "@" not in str(list(LogEntry.objects.values()))


def test_what_a_token_does_has_its_actor(transactional_db, alice):
    api = APIClient()
    credentials = {"email": alice.email, "password": PASSWORD}
    token = api.post("/api/v1/auth/token/", credentials, format="json").json()["token"]
    api.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    upload = io.BytesIO(picture())
    upload.name = "mole.jpg"
    record = api.post("/api/v1/records/", {"image": upload}).json()["id"]
    assert api.delete(f"/api/v1/records/{record}/").status_code == 204
    entries = LogEntry.objects.filter(object_pk=record).order_by("timestamp")
    assert [(entry.action, entry.actor, entry.actor_email) for entry in entries] == [
        (Action.CREATE, alice, alice.pseudonym),
        (Action.DELETE, alice, alice.pseudonym),
    ]


def test_administrators_filter_and_search(administrator, alice, bob):
    record = assessed(owner=alice)
    log.log_export(record, to="a data set")

    def shown(**query):
        return {entry.object_pk for entry in administrator.get(LIST, query).context["cl"].queryset}

    assert shown(action="export") == {str(record.pk)}
    assert shown(action=str(Action.DELETE)) == set()
    assert shown(q=str(bob.pk)) == {str(bob.pk)}
    assert {str(alice.pk), str(record.pk)} <= shown(action=str(Action.CREATE))


def test_the_export_holds_what_the_list_shows_and_is_logged_itself(administrator, alice, bob):
    found = rows(administrator.get(EXPORT, {"q": str(alice.pk)}))
    assert {row["id"] for row in found} == {str(alice.pk)}
    assert found[-1]["action"] == "create"
    assert found[0]["name"] == alice.pseudonym
    [again] = rows(administrator.get(EXPORT, {"action": "export"}))[:1]
    assert again["action"] == "export"
    assert again["actor"] == "frank"


def test_nothing_is_exported_to_who_asks_for_the_headers_alone(administrator):
    assert administrator.head(EXPORT).status_code == 405
    assert not LogEntry.objects.filter(additional_data__action="export").exists()


def test_the_log_is_not_for_doctors(client, dr_chen):
    client.force_login(dr_chen)
    for page in (LIST, EXPORT):
        assert client.get(page).status_code == 403


def test_nobody_adds_changes_or_deletes_entries_in_the_admin(administrator, admin_client, alice):
    entry = LogEntry.objects.first()
    change = reverse("admin:auditlog_logentry_change", args=[entry.pk])
    delete = reverse("admin:auditlog_logentry_delete", args=[entry.pk])
    for client in (administrator, admin_client):
        assert client.post(reverse("admin:auditlog_logentry_add")).status_code == 403
        assert client.post(change, {"object_repr": "x"}).status_code == 403
        assert client.post(delete, {"post": "yes"}).status_code == 403


def test_a_large_log_is_written_as_it_is_read(administrator, alice, django_assert_num_queries):
    LogEntry.objects.bulk_create(
        LogEntry(
            content_type=LogEntry.objects.first().content_type,
            object_pk=str(alice.pk),
            object_repr=alice.pseudonym,
            action=Action.ACCESS,
        )
        for _ in range(3 * log.CHUNK)
    )
    with django_assert_num_queries(1):
        assert sum(1 for _line in log.as_csv(LogEntry.objects.all())) > 3 * log.CHUNK
