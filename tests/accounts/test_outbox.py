"""E-mails wait in the database for the worker; a mail server that is down fails nobody's page."""

import itertools
import smtplib
import socket
import ssl
import threading
from datetime import timedelta

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core import mail
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from knox.models import AuthToken

from accounts import expiry, outbox
from accounts.models import OutgoingMail, User
from diagnosis import mails
from diagnosis.moles import edits, reminders
from diagnosis.own_data import deletion
from diagnosis.records import uploads
from diagnosis.records.models import MoleRecord
from tests.factories import SIGN_UP, MoleFactory, UserFactory, assessed

LOCMEM = "django.core.mail.backends.locmem.EmailBackend"
SMTP = "django.core.mail.backends.smtp.EmailBackend"


@pytest.fixture(autouse=True)
def as_in_production(settings):
    settings.EMAIL_BACKEND = "accounts.outbox.Backend"
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.MAIL_SERVER_BACKEND = LOCMEM


@pytest.fixture
def no_mail_server(settings, unused_tcp_port):
    settings.MAIL_SERVER_BACKEND = SMTP
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", unused_tcp_port


def write(to="bob@example.org"):
    EmailMessage("Grüße", "Ein Leberfleck – zwei.", None, [to]).send()
    return OutgoingMail.objects.latest("pk")


def let_pass(minutes):
    then = timezone.now() - timedelta(minutes=minutes)
    OutgoingMail.objects.update(due_at=then)


def test_signing_up_works_while_the_mail_server_is_down(db, client, no_mail_server):
    answer = client.post("/account/signup/", SIGN_UP)
    assert answer.status_code == 302
    assert answer["Location"] == "/account/confirm-email/"
    assert User.objects.get().email == "dana@example.org"
    assert outbox.send_due() == 0
    assert OutgoingMail.objects.get().recipients == ["dana@example.org"]


def test_a_worker_sends_it_as_it_was_written(db):
    message = EmailMultiAlternatives(
        "Grüße", "plain – text", "Clinic <clinic@example.org>", ["bob@example.org"], ["b@x.org"]
    )
    message.attach_alternative("<p>ü</p>", "text/html")
    message.extra_headers["List-Unsubscribe"] = "<https://example.org/off>"
    message.send()
    assert not mail.outbox
    assert outbox.send_due() == 1
    [sent] = mail.outbox
    assert sent.recipients() == ["bob@example.org", "b@x.org"]
    parsed = sent.message()
    assert parsed["Subject"] == "Grüße"
    assert parsed["To"] == "bob@example.org"
    assert "Bcc" not in parsed
    assert parsed["List-Unsubscribe"] == "<https://example.org/off>"
    assert [part.get_content().strip() for part in parsed.iter_parts()] == [
        "plain – text",
        "<p>ü</p>",
    ]
    assert not OutgoingMail.objects.exists()


def test_through_a_real_socket(db, request, settings, unused_tcp_port):
    """By SMTP as Django speaks it: what the server gets is what was stored."""
    settings.MAIL_SERVER_BACKEND = SMTP
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", unused_tcp_port
    received = []
    server = socket.create_server(("127.0.0.1", unused_tcp_port))
    request.addfinalizer(server.close)

    def answer():
        connection = server.accept()[0]
        lines = connection.makefile("rb")
        connection.sendall(b"220 here\r\n")
        for line in lines:
            word = line[:4].upper()
            if word == b"DATA":
                connection.sendall(b"354 go on\r\n")
                for text in lines:
                    if text == b".\r\n":
                        break
                    received.append(text)
                connection.sendall(b"250 taken\r\n")
            elif word == b"QUIT":
                connection.sendall(b"221 bye\r\n")
                break
            else:
                connection.sendall(b"250 ok\r\n")
        connection.close()

    thread = threading.Thread(target=answer)
    thread.start()
    write()
    assert outbox.send_due() == 1
    thread.join()
    assert b"To: bob@example.org\r\n" in received


def test_what_is_put_off_is_tried_again_and_once_only(db, no_mail_server, settings):
    write()
    assert outbox.send_due() == 0
    assert outbox.send_due() == 0
    waiting = OutgoingMail.objects.get()
    assert waiting.attempts == 1
    assert timedelta(seconds=30) < waiting.due_at - timezone.now() < timedelta(minutes=2)
    settings.MAIL_SERVER_BACKEND = LOCMEM
    let_pass(1)
    assert (outbox.send_due(), outbox.send_due()) == (1, 0)
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(("code", "kept"), [(550, False), (450, True)])
def test_a_recipient_that_is_refused_for_good_is_given_up(db, monkeypatch, caplog, code, kept):
    refusal = smtplib.SMTPRecipientsRefused({"bob@example.org": (code, b"bob@example.org: no")})

    class Refusing:
        def send_messages(self, messages):
            raise refusal

    monkeypatch.setattr(outbox, "get_connection", lambda *_: Refusing())
    write()
    outbox.send_due()
    assert OutgoingMail.objects.exists() is kept
    assert "bob@example.org" not in caplog.text


def test_after_three_days_it_is_given_up_and_the_log_says_so(db, no_mail_server, caplog):
    mail = write()
    OutgoingMail.objects.filter(pk=mail.pk).update(created_at=timezone.now() - timedelta(days=4))
    outbox.send_due()
    assert not OutgoingMail.objects.exists()
    assert "Given up, since no mail server took them: 1 e-mails" in caplog.text
    caplog.clear()
    outbox.send_due()
    assert not caplog.text


@pytest.mark.parametrize(
    "error",
    [smtplib.SMTPDataError(451, b"later"), UnicodeEncodeError("ascii", "pässword", 1, 2, "no")],
)
def test_one_that_fails_holds_up_no_other(db, monkeypatch, error):
    real = outbox.get_connection

    class Choosy:
        def send_messages(self, messages):
            if messages[0].to == ["first@example.org"]:
                raise error
            return real(LOCMEM).send_messages(messages)

    monkeypatch.setattr(outbox, "get_connection", lambda *_: Choosy())
    write("first@example.org")
    write("second@example.org")
    assert outbox.send_due() == 1
    assert [message.to for message in mail.outbox] == [["second@example.org"]]
    assert OutgoingMail.objects.get().due_at > timezone.now() + timedelta(seconds=30)


def test_nor_does_one_that_is_cut_off_by_the_time_limit(db, monkeypatch):
    def cut_off(*_):
        raise SoftTimeLimitExceeded

    slow = write()
    monkeypatch.setattr(EmailBackend, "send_messages", cut_off)
    with pytest.raises(SoftTimeLimitExceeded):
        outbox.send_due()
    monkeypatch.undo()
    slow.refresh_from_db()
    assert slow.due_at > timezone.now() + timedelta(seconds=50)


def test_a_slow_server_is_given_no_more_than_a_task_has_time_for(db, monkeypatch):
    clock = itertools.count(0, 3)
    monkeypatch.setattr(outbox.time, "monotonic", lambda: next(clock))
    for _ in range(5):
        write()
    assert outbox.send_due() == 1
    assert OutgoingMail.objects.count() == 4


def test_nor_does_one_that_is_deleted_while_it_is_taken(db):
    first = write("first@example.org")
    write("second@example.org")

    def delete_once_claimed(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if sql.startswith("UPDATE"):
            OutgoingMail.objects.filter(pk=first.pk).delete()
        return result

    with connection.execute_wrapper(delete_once_claimed):
        assert outbox.send_due() == 1
    assert [message.to for message in mail.outbox] == [["second@example.org"]]


def test_a_certificate_that_is_wrong_is_the_servers_and_not_an_e_mails(db, monkeypatch, caplog):
    """It is a ValueError, too, of which one e-mail alone would be put off after the other."""

    class Untrusted:
        def send_messages(self, messages):
            raise ssl.SSLCertVerificationError("expired")

    monkeypatch.setattr(outbox, "get_connection", lambda *_: Untrusted())
    write("first@example.org")
    write("second@example.org")
    assert outbox.send_due() == 0
    assert sorted(OutgoingMail.objects.values_list("attempts", flat=True)) == [0, 1]
    assert "The mail server can't be used: SSLCertVerificationError" in caplog.text


def test_without_a_server_mails_wait_for_one(db, settings):
    settings.MAIL_SERVER_BACKEND = ""
    write()
    assert outbox.send_due() == 0
    assert outbox.trouble() == "no server"
    settings.MAIL_SERVER_BACKEND = LOCMEM
    assert outbox.send_due() == 1


def test_health_tells_of_mails_that_do_not_go_out(client, db, no_mail_server):
    mail = write()
    assert client.get("/health/ready").json()["mail"] == "ok"
    OutgoingMail.objects.filter(pk=mail.pk).update(created_at=timezone.now() - timedelta(hours=1))
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json().items() >= {"status": "degraded", "mail": "late"}.items()


def test_a_test_mail_goes_to_the_server_at_once_and_says_what_fails(db, settings, no_mail_server):
    with pytest.raises(CommandError, match=r"did not take it: .*refused"):
        call_command("sendtestemail", "root@example.org")
    settings.MAIL_SERVER_BACKEND = LOCMEM
    call_command("sendtestemail", "root@example.org")
    assert mail.outbox[0].to == ["root@example.org"]


def test_the_first_administrator_signs_in_without_a_mail(db, client, no_mail_server):
    password = "a long enough passphrase"
    User.objects.create_superuser("Root@example.org", password)
    answer = client.post("/account/login/", {"login": "root@example.org", "password": password})
    assert answer.status_code == 302
    assert client.session["_auth_user_id"]
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize("by", ["themselves", "an administrator", "the clean-up"])
def test_what_waits_for_an_account_goes_with_it(db, client, by):
    client.post(reverse("account_signup"), SIGN_UP)
    dana = User.objects.get()
    write(to=dana.email)
    other = write()
    if by == "themselves":
        deletion.delete_account(dana)
    elif by == "an administrator":
        client.force_login(UserFactory(role="administrator", is_staff=True))
        client.post(reverse("admin:accounts_user_delete", args=[dana.pk]), {"post": "yes"})
    else:
        User.objects.update(date_joined=timezone.now() - timedelta(days=40))
        expiry.remove_expired()
    assert not User.objects.filter(pk=dana.pk).exists()
    assert OutgoingMail.objects.get() == other


def test_but_not_what_waits_for_the_owner_of_an_address_that_it_had_added(confirmed, alice, bob):
    confirmed.post(reverse("account_email"), {"action_add": "", "email": bob.email})
    OutgoingMail.objects.all().delete()
    mails.tell(assessed(owner=bob))
    mails.tell_together(assessed(owner=bob))
    assert confirmed.post(reverse("diagnosis:account_delete")).status_code == 302
    assert not User.objects.filter(pk=alice.pk).exists()
    assert [mail.recipients for mail in OutgoingMail.objects.all()] == [[bob.email]] * 2


def test_also_what_waits_for_others_under_the_address_before(db):
    dana = UserFactory(email="dana@example.org")
    mails.tell_together(assessed(owner=dana))
    dana.email = "dana@new.example"
    dana.save()
    deletion.delete_account(dana)
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize("door", ["page", "API", "closed"])
def test_what_waits_for_others_does_not_go_to_who_wants_it_no_more(db, client, door):
    dana = UserFactory(email="dana@example.org")
    mails.tell_together(assessed(owner=dana))
    if door == "page":
        client.force_login(dana)
        client.post(reverse("accounts:notifications"), {"reminder_emails": "on"})
    elif door == "API":
        headers = {"Authorization": f"Token {AuthToken.objects.create(dana)[1]}"}
        sent = {"verdict_emails": False}
        client.patch("/api/v1/account/", sent, "application/json", headers=headers)
    else:
        dana.is_active = False
        dana.save()
    let_pass(minutes=0)
    assert outbox.send_due() == 0
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize("what", ["record", "mole"])
def test_what_is_deleted_meanwhile_is_not_told_of(db, what):
    """The link of such an e-mail would lead to a page that is not found."""
    dana = UserFactory()
    gone, kept = assessed(owner=dana, mole=MoleFactory(owner=dana)), assessed(owner=dana)
    for record in (gone, kept):
        mails.tell_together(record)
    if what == "record":
        uploads.delete(record=gone, by=dana)
    else:
        edits.delete(mole=gone.mole, by=dana)
    waiting = OutgoingMail.objects.get()
    assert waiting.about == [kept.pk]
    assert str(kept.pk) in bytes(waiting.content).decode()
    assert str(gone.pk) not in bytes(waiting.content).decode()
    uploads.delete(record=kept, by=dana)
    assert not OutgoingMail.objects.exists()


def test_it_goes_to_the_address_that_the_person_has_by_then(db, client):
    dana = UserFactory(email="dana@example.org")
    new = dana.emailaddress_set.create(email="dana@bücher.example", verified=True)
    record = assessed(owner=dana)
    mails.tell_together(record)
    new.set_as_primary()
    let_pass(minutes=0)
    assert outbox.send_due() == 1
    [sent] = mail.outbox
    assert sent.to == ["dana@bücher.example"]
    assert sent.message()["To"] == "dana@xn--bcher-kva.example"
    assert str(record.pk) in sent.message().get_content()


def test_another_change_of_the_account_leaves_it_as_it_is(db):
    dana = UserFactory(email="dana@example.org")
    mails.tell_together(assessed(owner=dana))
    before = OutgoingMail.objects.values().get()
    dana.display_name, dana.reminder_emails = "Dana", False
    dana.save()
    assert OutgoingMail.objects.values().get() == before


# Django's validator takes it, and IDNA has no name for it.
NOT_ENCODED = "bob@xn--ü.example"


def test_an_address_that_can_not_be_encoded_holds_up_no_other_reminder(db, caplog):
    for email in (NOT_ENCODED, "carol@example.org"):
        mole = MoleFactory(owner=UserFactory(email=email), remind_after_days=30)
        record = assessed(owner=mole.owner, mole=mole)
        long_ago = timezone.now() - timedelta(days=40)
        MoleRecord.objects.filter(pk=record.pk).update(created_at=long_ago)
    reminders.sweep()
    assert OutgoingMail.objects.get().recipients == ["carol@example.org"]
    assert "can't be encoded" in caplog.text
    assert NOT_ENCODED not in caplog.text
    assert reminders.sweep() == 0


def test_a_change_to_one_is_kept_and_leaves_nothing_that_waits(db):
    dana = UserFactory()
    mails.tell_together(assessed(owner=dana))
    dana.email = NOT_ENCODED
    dana.save()
    assert not OutgoingMail.objects.exists()


def test_nor_a_new_versions_answer(db):
    mails.tell_together(assessed(owner=UserFactory(email=NOT_ENCODED)))
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize("name", ["account_signup", "account_reset_password"])
def test_no_account_is_made_for_one_nor_a_mail_tried(db, client, name):
    answer = client.post(reverse(name), SIGN_UP | {"email": NOT_ENCODED})
    assert answer.status_code == 200
    assert "email" in answer.context["form"].errors
    assert not User.objects.exists()
