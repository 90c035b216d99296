"""Moles: named by the person, so that records of the same one belong together."""

from accounts.models import User
from diagnosis.models import Mole


def create(*, owner: User, name: str, body_site: str = "") -> Mole:
    """Add a mole. Raises ValidationError."""
    mole = Mole(owner=owner, name=name, body_site=body_site)
    mole.clean_fields(exclude=["owner"])
    mole.save(force_insert=True)
    return mole
