"""Demo pictures: drawn by our own code, for a person who has no picture at hand."""

import functools
import io
from typing import TYPE_CHECKING

from django.core.cache import cache
from django.core.files.base import ContentFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from PIL import Image

from accounts.models import User
from diagnosis.records import uploads
from diagnosis.records.models import MoleRecord
from ml.reencoding import clean_jpeg
from ml.synthetic import phantoms

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

PREVIEW_SIDE = 480  # pixels: what a sharp screen shows of it
MODALITY = "dermoscopy"

NAMES = {
    "even_mole": gettext_lazy("Small, even mole"),
    "irregular_mole": gettext_lazy("Large, uneven mole"),
    "crusty_patch": gettext_lazy("Pink, scaly patch"),
}


def offered() -> dict[str, "StrOrPromise"]:
    """The demo pictures by name; none where the released model does not judge their kind."""
    return {} if uploads.not_judged([MODALITY]) else dict(NAMES)


@functools.cache
def picture(name: str) -> bytes:
    """The demo picture as JPEG, drawn once per process. Raises KeyError."""
    return clean_jpeg(phantoms.render(name), quality=90)


def preview(name: str) -> bytes:
    """A small JPEG of the demo picture, drawn once for all processes. Raises KeyError."""
    if name not in NAMES:
        raise KeyError(name)
    key = f"demo:{name}:{PREVIEW_SIDE}"
    # The stubs also have it return None, which it does only for a default of None.
    return cache.get_or_set(key, lambda: _small(name), timeout=None)  # type: ignore[return-value]


def draw_all() -> None:
    """Draw what is not drawn yet, so that no visitor waits the second that each takes."""
    for name in NAMES:
        preview(name)


def _small(name: str) -> bytes:
    with Image.open(io.BytesIO(picture(name))) as image:
        image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
        return clean_jpeg(image, quality=85)


def submit(*, owner: User, name: str, idempotency_key: str | None = None) -> MoleRecord:
    """Send a demo picture as the person's own record, whose note says what it is."""
    return uploads.submit(
        owner=owner,
        file=ContentFile(picture(name), f"{name}.jpg"),
        modality=MODALITY,
        note=_("Demo picture, drawn by the computer: %s.") % NAMES[name],
        origin=MoleRecord.Origin.DEMO,
        idempotency_key=idempotency_key,
    )
