"""The two accounts that `make run` prints; closed where others could use their public password."""

from datetime import date
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils import timezone

from accounts.consent import CONSENT_VERSION
from accounts.models import User

PASSWORD = "mole-check-demo"


class Command(BaseCommand):
    help = "Make the demo person and the demo doctor where they don't exist yet, or close them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--close", action="store_true", help="let nobody sign in with the public password"
        )

    @transaction.atomic
    def handle(self, *args: Any, close: bool, **options: Any) -> None:
        for group, name in (("person", "Demo person"), ("doctor", "Dr Demo")):
            email = f"{group}@example.org"
            user = User.objects.filter(email=email).first()
            if user and user.check_password(PASSWORD) and user.is_active == close:
                user.is_active = not close
                user.save(update_fields=["is_active"])
            if user or close:
                continue
            user = User.objects.create_user(
                email,
                PASSWORD,
                display_name=name,
                date_of_birth=date(1980, 3, 27),
                consent_version=CONSENT_VERSION,
                consented_at=timezone.now(),
                is_staff=group == "doctor",
            )
            user.groups.add(Group.objects.get(name=group))
            EmailAddress.objects.create(user=user, email=email, primary=True, verified=True)
            self.stdout.write(f"{email} / {PASSWORD}")
