"""The outbox: every e-mail waits in the database until a worker has handed it to the mail server.

So no page waits for that server, or fails with it, and what it puts off is tried again.
"""

import email.message
import logging
import smtplib
import time
import uuid
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from email import policy
from typing import Any

from celery import current_app
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import sanitize_address
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from accounts.models import OutgoingMail, User

logger = logging.getLogger(__name__)

TASK = "accounts.tasks.send_mails"
# Greylisting lets the second try pass after a few minutes; an outage lasts hours.
WAITS = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60)]
GIVE_UP_AFTER = timedelta(days=3)
LATE = timedelta(minutes=10)
GATHERED = timedelta(minutes=5)
AT_ONCE = 20
# Of a task, which is cut off at the soft limit: in the middle of an e-mail, it would go out twice.
TAKES_NEW_ONES_FOR = 5.0  # seconds

Write = Callable[[list[uuid.UUID]], EmailMessage]  # the e-mail about these rows


class Backend(BaseEmailBackend):
    """Django's door to the outbox: EMAIL_BACKEND."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Store the messages, in the caller's transaction, and wake a worker on commit."""
        written = map(_written, (message for message in email_messages if message.recipients()))
        mails = OutgoingMail.objects.bulk_create(OutgoingMail(**mail) for mail in written if mail)
        transaction.on_commit(_wake, robust=True)
        return len(mails)


def gather(*, person: User, about: uuid.UUID, write: Write) -> None:
    """Tell a person of a row, in an e-mail that waits some minutes for others to tell of.

    In the caller's transaction: it is locked until that ends, so that it does not go before.
    """
    mail = _written(write([about]))
    if mail is None:
        return
    with transaction.atomic():
        waiting, is_new = OutgoingMail.objects.select_for_update().get_or_create(
            gathers_for=person.pk,
            defaults=mail | {"about": [about], "due_at": Now() + GATHERED},
        )
        if not is_new and about not in waiting.about:
            _rewrite(waiting, [*waiting.about, about], write)


def withdraw(*, person: User, about: Collection[uuid.UUID], write: Write) -> None:
    """Tell a person of these rows no more; where nothing else is to be told, of nothing."""
    with transaction.atomic():
        waiting = OutgoingMail.objects.select_for_update().filter(gathers_for=person.pk).first()
        if waiting and not set(waiting.about).isdisjoint(about):
            if left := [each for each in waiting.about if each not in about]:
                _rewrite(waiting, left, write)
            else:
                waiting.delete()


def follow(person: User) -> None:
    """Bring what still waits for others to the person's address of now, or drop it where they want
    no such e-mails any more."""
    with transaction.atomic():
        waiting = OutgoingMail.objects.select_for_update().filter(gathers_for=person.pk).first()
        if waiting is None:
            return
        if not (person.is_active and person.verdict_emails):
            waiting.delete()
            return
        mime = email.message_from_bytes(bytes(waiting.content))
        try:
            mime.replace_header("To", sanitize_address(person.email, "utf-8"))
        except UnicodeError:  # as in _written
            waiting.delete()
            return
        waiting.recipients, waiting.content = [person.email], mime.as_bytes()
        waiting.save(update_fields=["recipients", "content"])


class _Mime(email.message.EmailMessage):
    """What was stored, byte for byte: parsed and written again, lines would be folded anew."""

    stored: bytes

    def as_bytes(self, unixfrom: bool = False, linesep: str = "\n") -> bytes:  # type: ignore[override]
        return self.stored.replace(b"\n", linesep.encode())


_POLICY = policy.EmailPolicy(linesep=policy.SMTP.linesep, message_factory=_Mime)


class _Stored(EmailMessage):
    """A message as it was stored; Django's backends ask no more of one."""

    def __init__(self, mail: OutgoingMail) -> None:
        super().__init__(from_email=mail.sender, to=mail.recipients)
        self.stored = bytes(mail.content)

    def message(self, *_: object, **__: object) -> _Mime:
        mime = email.message_from_bytes(self.stored, policy=_POLICY)
        mime.stored = self.stored
        return mime


def send_due() -> int:
    """Hand what is due to the mail server, oldest first; return how many it took.

    Each e-mail is claimed by one UPDATE, so that two workers never send the same one.
    """
    given_up, _of = OutgoingMail.objects.filter(created_at__lt=Now() - GIVE_UP_AFTER).delete()
    if given_up:
        logger.warning("Given up, since no mail server took them: %s e-mails", given_up)
    if not settings.MAIL_SERVER_BACKEND:
        return 0
    due = OutgoingMail.objects.filter(due_at__lte=Now()).order_by("created_at")
    sent, begin = 0, time.monotonic()
    for key in due.values_list("pk", flat=True)[:AT_ONCE]:
        if time.monotonic() - begin > TAKES_NEW_ONES_FOR:
            break
        try:
            sent += _send(key)
        except OSError:
            break  # no e-mail goes to a server that can't be reached
    return sent


def trouble() -> str:
    """Say in a word or two why e-mails wait for long; empty while they go out."""
    late = OutgoingMail.objects.filter(created_at__lt=Now() - LATE)
    if not settings.MAIL_SERVER_BACKEND:
        return "no server"
    return "late" if late.exists() else ""


def _send(key: int) -> bool:
    """Try one; return whether it went. Raises OSError where the server can't be used."""
    this = OutgoingMail.objects.filter(pk=key)
    # As long as the task may last: what a killed worker held is due again.
    claim = timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT + 5)
    claimed = this.filter(due_at__lte=Now()).update(
        due_at=Now() + claim, attempts=F("attempts") + 1, gathers_for=None
    )
    if not claimed:
        return False
    mail = this.first()
    if mail is None:  # deleted since, as with the account
        return False
    try:
        get_connection(settings.MAIL_SERVER_BACKEND).send_messages([_Stored(mail)])
    except smtplib.SMTPRecipientsRefused as error:
        refused = [code for code, _said in error.recipients.values()]
        if min(refused) >= 500:  # for good (RFC 5321, 4.2.1)
            logger.warning("The mail server refuses a recipient for good: %s", refused)
            this.delete()
        else:
            _put_off(mail)
        return False
    except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as error:
        logger.warning("The mail server did not take an e-mail: %s", error.smtp_code)
        _put_off(mail)
        return False
    except OSError as error:  # also all others of smtplib
        # Its class, since the text of some names the recipient.
        logger.warning("The mail server can't be used: %s", type(error).__name__)
        _put_off(mail)
        raise
    except SoftTimeLimitExceeded:  # of a server that takes long: others go before its next try
        _put_off(mail)
        raise
    except ValueError as error:  # of an address or a password that SMTP can't be told
        logger.warning("An e-mail can't be sent: %s", type(error).__name__)
        _put_off(mail)
        return False
    this.delete()
    return True


def _written(message: EmailMessage) -> dict[str, Any] | None:
    """None where it can't be encoded, as for some addresses: it would never go, and what is done
    beside it, such as a doctor's verdict or the reminders of others, must not fail with it."""
    try:
        content = message.message().as_bytes()
    except UnicodeError:  # whose text names the recipient
        logger.warning("An e-mail is left out, since it can't be encoded")
        return None
    return {"sender": message.from_email, "recipients": message.recipients(), "content": content}


def _rewrite(waiting: OutgoingMail, about: list[uuid.UUID], write: Write) -> None:
    message = _written(write(about)) or {}
    OutgoingMail.objects.filter(pk=waiting.pk).update(about=about, **message)


def _put_off(mail: OutgoingMail) -> None:
    wait = WAITS[min(mail.attempts, len(WAITS)) - 1]
    OutgoingMail.objects.filter(pk=mail.pk).update(due_at=Now() + wait)


def _wake() -> None:
    try:
        current_app.send_task(TASK, retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("Broker unreachable, the schedule sends the e-mail: %s", error)
