"""What goes with an account that no row of its own leads to, by whichever door it is deleted."""

from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q
from django.db.models.signals import pre_delete
from django.dispatch import receiver

from accounts.addresses import owners
from accounts.models import OutgoingMail, User


@receiver(pre_delete, sender=User, dispatch_uid="what_goes_with_an_account")
def leave_nothing(instance: User, **_: Any) -> None:
    """End its sessions, drop what waits to be mailed, and its name in Django's own log.

    Mails to an address that somebody else has are theirs: anybody may sign up with it, or add it.
    """
    for session in UserSession.objects.filter(user=instance):
        session.end()
    addresses = {instance.email, *instance.emailaddress_set.values_list("email", flat=True)}
    alone = [each for each in addresses if not owners(each).exclude(pk=instance.pk).exists()]
    waiting = Q(recipients__overlap=alone) | Q(gathers_for=instance.pk)
    OutgoingMail.objects.filter(waiting).delete()
    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(User), object_id=str(instance.pk)
    )
    entries.update(object_repr=instance.pseudonym)
