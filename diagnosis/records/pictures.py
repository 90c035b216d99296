"""Pictures: checked when they come in, and re-encoded so that no metadata is kept."""

import random
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any

import numpy as np
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.db.migrations.recorder import MigrationRecorder
from django.utils.translation import gettext as _
from PIL import Image

from audit import log
from diagnosis import limits, media
from diagnosis.records.models import FurtherPicture, MoleRecord, Picture
from ml import sandbox
from ml.images import ImageError
from ml.reencoding import clean_jpeg, stored

MAX_BYTES = 25 * 1024 * 1024
MAX_TOGETHER = 60 * 1024 * 1024  # bytes of all files of a sitting
THUMBNAIL_SIDE = 320
# Nuñez, Anderton, Renslow 2018; static/js/mole-picture.js draws with the same.
CIVIDIS = (
    *((0, 32, 77), (49, 68, 107), (102, 105, 112)),
    *((149, 143, 120), (203, 186, 105), (255, 234, 70)),
)
BUSY_SECONDS = 10

_sandbox = sandbox.Sandbox(at_once=settings.PICTURES_AT_ONCE, waiting=8)


class PictureRefused(ValidationError):
    """A file that can't be used: ``code`` names why, ``message`` says what to do."""


class BoundedUploadHandler(FileUploadHandler):
    """Keeps a file while its request lasts, and no more of it than the limit.

    The file has no name: however the process ends, nothing of the original is left. Where there is
    no room for it, its methods raise Busy.
    """

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.file = tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start <= MAX_BYTES:
            with self._room():
                self.file.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile:
        with self._room():
            self.file.seek(0)
        about = (self.content_type, file_size, self.charset, self.content_type_extra)
        return UploadedFile(self.file, self.file_name, *about)

    def upload_interrupted(self) -> None:
        self.file.close()

    @contextmanager
    def _room(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in media.FULL:
                raise
            with suppress(OSError):  # it would write what is left
                self.file.close()
            raise limits.Busy(BUSY_SECONDS) from error


def check_together(files: Iterable[File]) -> None:
    """Raises PictureRefused for files that are too large together."""
    if sum(file.size for file in files) > MAX_TOGETHER:
        raise PictureRefused(
            _("Together the files are larger than %(limit)d MB. Send fewer or smaller pictures.")
            % {"limit": MAX_TOGETHER // 1024**2},
            code="too_large",
        )


def reencode(file: File) -> ContentFile:
    """An upright JPEG of at most 2,048 pixels a side, with no byte of the file's metadata.

    Decoded in a process of its own, with limits. Raises PictureRefused, Busy.
    """
    if file.size > MAX_BYTES:
        raise PictureRefused(
            _("The file is larger than %(limit)d MB. Send a smaller picture.")
            % {"limit": MAX_BYTES // 1024**2},
            code="too_large",
        )
    try:
        return ContentFile(_sandbox.call(stored, file.read))
    except ImageError as error:
        raise PictureRefused(_(error.message) % error.params, code=error.code) from error
    except sandbox.Busy as error:
        raise limits.Busy(BUSY_SECONDS) from error


def thumbnail(picture: Picture, *, side: int = THUMBNAIL_SIDE, quality: int = 80) -> bytes:
    """A small JPEG of a picture; decoded at an eighth where that is enough."""
    with Image.open(BytesIO(media.read(picture.image))) as image:
        image.draft("RGB", (side, side))
        image.thumbnail((side, side))
        return clean_jpeg(image, quality=quality)


def heatmap(record: MoleRecord) -> bytes:
    """The record's own picture with the answer's heatmap over it, as a JPEG.

    Raises OSError for the picture; ValueError without a heatmap.
    """
    assessment = record.current_assessment
    if assessment is None or not assessment.heatmap:
        raise ValueError("no heatmap")
    grid = assessment.heatmap
    values = np.array(grid["values"], np.float32).clip(0, 1).reshape(grid["rows"], grid["cols"])
    steps = np.linspace(0, 1, len(CIVIDIS))
    colours = [np.interp(values, steps, channel) for channel in zip(*CIVIDIS, strict=True)]
    # Where little counted, the picture shines through, as on the page.
    rgba = np.stack([*colours, 60 + 110 * values], axis=-1).round().astype(np.uint8)
    with Image.open(BytesIO(media.read(record.image))) as image:
        picture = image.convert("RGBA")
    over = Image.fromarray(rgba).resize(picture.size, Image.Resampling.BILINEAR)
    return clean_jpeg(Image.alpha_composite(picture, over).convert("RGB"), quality=85)


def remove_orphans(older_than_seconds: float = 24 * 3600) -> int:
    """Delete pictures without a record, which a killed process can leave; return how many."""
    known = set(MoleRecord.objects.values_list("image", flat=True))
    known |= set(FurtherPicture.objects.values_list("image", flat=True))
    # None at all, and none deleted here: rather a backup whose pictures are back before their rows.
    if not known and not log.saw_all_go(MoleRecord):
        return 0
    # Those that came after the backup are old by now, and may be looked at before they go.
    if log.restored_within(older_than_seconds):
        return 0
    try:
        folders = default_storage.listdir("records")[0]
    except FileNotFoundError:
        return 0
    # What is older than this database is of another one, which had the folder or bucket before.
    founded = MigrationRecorder.Migration.objects.earliest("applied").applied
    removed = 0
    # By chance: where a store is too slow for all of them in one task, each gets its turn.
    for folder in random.sample(folders, len(folders)):
        for filename in default_storage.listdir(f"records/{folder}")[1]:
            name = f"records/{folder}/{filename}"
            if name in known:
                continue
            # Younger ones may belong to an upload whose transaction is still open.
            with suppress(FileNotFoundError):  # another sweep was here
                modified = default_storage.get_modified_time(name)
                if modified > founded and time.time() - modified.timestamp() > older_than_seconds:
                    default_storage.delete(name)
                    removed += 1
    return removed
