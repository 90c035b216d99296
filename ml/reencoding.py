"""A picture as the service stores it: upright, small enough, and without a byte of metadata."""

import io

from PIL import Image

from ml import complete, costly
from ml.images import open_upright

MAX_SIDE = 2048


def stored(data: bytes) -> bytes:
    """Any picture that is read → a JPEG of at most MAX_SIDE pixels a side. Raises ImageError."""
    costly.refuse(data)
    return kept(data, open_upright(data))


def kept(data: bytes, image: Image.Image) -> bytes:
    """The same of what open_upright made of the data. Raises ImageError for what is incomplete."""
    complete.refuse_incomplete(data, image)
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    return clean_jpeg(image, quality=92)


def clean_jpeg(image: Image.Image, quality: int) -> bytes:
    """Of a fresh image: Pillow would carry some of the metadata over."""
    clean = Image.new("RGB", image.size)
    clean.paste(image)
    stream = io.BytesIO()
    clean.save(stream, "JPEG", quality=quality)
    return stream.getvalue()
