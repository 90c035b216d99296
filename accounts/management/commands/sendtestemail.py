"""Django's command, past the outbox: whether the mail server takes an e-mail is seen at once."""

from typing import Any

from django.conf import settings
from django.core.mail import get_connection, send_mail
from django.core.management.base import CommandError
from django.core.management.commands import sendtestemail


class Command(sendtestemail.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.MAIL_SERVER_BACKEND:
            raise CommandError("No mail server is named. Set EMAIL_URL.")
        try:
            send_mail(
                "Test of the mole check's e-mail",
                "The mail server took this from the mole check.",
                None,
                options["email"],
                connection=get_connection(settings.MAIL_SERVER_BACKEND),
            )
        except OSError as error:  # all of smtplib
            raise CommandError(f"The mail server did not take it: {error}") from error
