"""Moles: named by the person, so that records of the same one belong together."""

import uuid

from accounts.models import User
from diagnosis.models import Mole


def named(*, owner: User, name: str, key: uuid.UUID, body_site: str = "") -> Mole:
    """The person's mole of that name and place, added when there is none.

    ``key`` is the request's: of two equal requests at the same moment, one adds it.
    Raises ValidationError.
    """
    known = owner.moles.filter(name__iexact=name, body_site=body_site).first()
    if known:
        return known
    mole = Mole(id=uuid.uuid5(owner.pk, str(key)), owner=owner, name=name, body_site=body_site)
    mole.clean_fields(exclude=["owner"])
    return Mole.objects.get_or_create(
        id=mole.id, defaults={"owner": owner, "name": name, "body_site": body_site}
    )[0]
