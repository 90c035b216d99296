"""Pictures: checked when they come in, and re-encoded so that no metadata is kept."""

import io
import time

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.utils.translation import gettext as _
from PIL import Image

from diagnosis.records.models import MoleRecord
from ml.images import ImageError, open_upright

MAX_BYTES = 25 * 1024 * 1024
MAX_SIDE = 2048
THUMBNAIL_SIDE = 320


class PictureRefused(ValidationError):
    """A file that can't be used: ``code`` names why, ``message`` says what to do."""


class BoundedUploadHandler(TemporaryFileUploadHandler):
    """Counts a file to its end but writes no more than the limit: no upload fills the disk."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start <= MAX_BYTES:
            super().receive_data_chunk(raw_data, start)


def reencode(file: File) -> ContentFile:
    """An upright JPEG of at most MAX_SIDE pixels a side, with no byte of the file's metadata.

    Raises PictureRefused.
    """
    if file.size > MAX_BYTES:
        raise PictureRefused(
            _("The file is larger than %(limit)d MB. Send a smaller picture.")
            % {"limit": MAX_BYTES // 1024**2},
            code="too_large",
        )
    try:
        image = open_upright(file)
    except ImageError as error:
        raise PictureRefused(_(error.message) % error.params, code=error.code) from error
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    return ContentFile(_jpeg(image, quality=92))


def thumbnail(record: MoleRecord) -> bytes:
    """A small JPEG of the record's picture; decoded at an eighth where that is enough."""
    with record.image.open() as file, Image.open(file) as image:
        image.draft("RGB", (THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        return _jpeg(image, quality=80)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    stream = io.BytesIO()
    # A fresh image: Pillow would carry some of the metadata over.
    clean = Image.new("RGB", image.size)
    clean.paste(image)
    clean.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def remove_orphans(older_than_seconds: float = 24 * 3600) -> int:
    """Delete pictures without a record, which a killed process can leave; return how many."""
    known = set(MoleRecord.objects.values_list("image", flat=True))
    # None at all: rather a backup whose pictures are back before their rows.
    if not known or not default_storage.exists("records"):
        return 0
    removed = 0
    for folder in default_storage.listdir("records")[0]:
        for filename in default_storage.listdir(f"records/{folder}")[1]:
            name = f"records/{folder}/{filename}"
            if name in known:
                continue
            # Younger ones may belong to an upload whose transaction is still open.
            age = time.time() - default_storage.get_modified_time(name).timestamp()
            if age > older_than_seconds:
                default_storage.delete(name)
                removed += 1
    return removed
