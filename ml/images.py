"""Bytes → upright RGB array with all limits, and the one resampling to the network's input."""

import io
import math
import warnings
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageCms, ImageOps
from pillow_heif import register_heif_opener

register_heif_opener()

FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "BMP")
SRGB = ImageCms.createProfile("sRGB")
MAX_PIXELS = 64_000_000
# Other decoders than JPEG's fill memory with every pixel; phones' largest HEIC have 49 million.
MAX_PIXELS_IN_FULL = {"HEIF": 50_000_000, "PNG": 25_000_000, "WEBP": 25_000_000, "BMP": 25_000_000}
MIN_SIDE = 32
DRAFT_SIDE = 2048  # at least; what is stored and shown is not larger


class ImageError(ValueError):
    """A picture that can't be used; ``code`` names why, the message says what to do.

    ``params`` stand in the message as ``%(name)s``, so that it can be looked up in a translation.
    """

    def __init__(self, code: str, message: str, **params: int) -> None:
        super().__init__(message % params)
        self.code, self.message, self.params = code, message, params


def open_upright(data: bytes | BinaryIO) -> Image.Image:
    """Decode one still picture to upright RGB, the EXIF orientation applied.

    Raises ImageError: ``empty``, ``not_a_picture``, ``truncated``, ``animated``,
    ``too_many_pixels``, ``too_few_pixels``.
    """
    stream = io.BytesIO(data) if isinstance(data, bytes) else data
    if not stream.read(1):
        raise ImageError("empty", "The file is empty. Choose a picture.")
    stream.seek(0)
    with warnings.catch_warnings():
        # Of decompression, where our own limit is smaller, and of broken metadata.
        warnings.simplefilter("ignore")
        try:
            image = Image.open(stream, formats=(*FORMATS, "GIF"))
        except Image.DecompressionBombError:
            raise _too_many_pixels(MAX_PIXELS) from None
        except Exception as error:  # decoders raise many kinds on hostile bytes
            raise ImageError(
                "not_a_picture",
                "This file is not a picture that we can read. Use JPEG, PNG, WebP or HEIC.",
            ) from error
        limit = MAX_PIXELS_IN_FULL.get(image.format, MAX_PIXELS)
        if image.width * image.height > limit:
            raise _too_many_pixels(limit)
        if image.format == "GIF" or _moves(image):
            raise ImageError("animated", "Animated pictures and GIFs can't be used. Use a photo.")
        # Also where what is long and narrow is reduced, as it is stored.
        least = math.ceil(MIN_SIDE * max(1, max(image.size) / DRAFT_SIDE))
        if min(image.size) < least:
            raise ImageError(
                "too_few_pixels",
                "The picture is only %(width)d × %(height)d pixels. "
                "It needs at least %(least)d on each side.",
                width=image.width,
                height=image.height,
                least=least,
            )
        try:
            # JPEG decoders scale down for little: no photo needs more than this in memory.
            image.draft(None, (DRAFT_SIDE, DRAFT_SIDE))
            image.load()
            image = reduced(image)
            return flatten(in_srgb(upright(image)))
        except Exception as error:
            raise ImageError(
                "truncated", "The picture is damaged or incomplete. Send it again."
            ) from error


def reduced(image: Image.Image) -> Image.Image:
    """At a whole fraction of its size, not below DRAFT_SIDE: what follows makes copies of it."""
    factor = max(image.size) // DRAFT_SIDE
    if factor < 2 or image.mode not in ("L", "LA", "RGB", "RGBA", "CMYK"):
        return image
    small = image.reduce(factor)
    small.info = image.info
    return small


def upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF data say; as it is where these are broken."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # parsers of metadata raise many kinds on hostile bytes
        return image


def in_srgb(image: Image.Image) -> Image.Image:
    """In the colours of the web: phones send Display P3. As it is where the profile is broken."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "CMYK"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, source, SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return image


def flatten(image: Image.Image) -> Image.Image:
    """Any mode → RGB; transparency is laid on white, as every viewer shows it."""
    if image.mode.startswith("I;16"):
        # Pillow would clip 16 bits to white.
        image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def decode(data: bytes | BinaryIO) -> np.ndarray:
    """Like open_upright, as an array: (height, width, 3) uint8."""
    return np.asarray(open_upright(data))


def central_square(height: int, width: int) -> tuple[int, int, int]:
    """(top, left, side) of the part of a picture that the network sees."""
    side = min(height, width)
    return (height - side) // 2, (width - side) // 2, side


def to_input(image: np.ndarray, size: int) -> np.ndarray:
    """The central square of an RGB array, resampled to (size, size, 3) uint8.

    Antialiased bilinear in steps of whole halvings first, so that large photographs cost little.
    """
    top, left, side = central_square(*image.shape[:2])
    square = Image.fromarray(image).resize(
        (size, size),
        Image.Resampling.BILINEAR,
        box=(left, top, left + side, top + side),
        reducing_gap=2.0,
    )
    return np.asarray(square)


def _moves(image: Image.Image) -> bool:
    """More than one frame; the extra stills of HEIC and of phones' JPEG (MPO) are no film."""
    try:
        return image.format not in ("HEIF", "MPO") and getattr(image, "n_frames", 1) > 1
    except Exception:  # as above
        return False


def _too_many_pixels(limit: int) -> ImageError:
    return ImageError(
        "too_many_pixels",
        "The picture has more than %(millions)d megapixels. Send a smaller one.",
        millions=limit // 1_000_000,
    )
