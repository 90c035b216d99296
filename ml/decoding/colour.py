"""What colours a file means, and the way from there to sRGB.

The phone's camera page has no part in this: its pixels come from the browser in sRGB.
"""

import io
import struct
from typing import IO

import numpy as np
import pillow_heif
from PIL import ExifTags, Image, ImageCms

from ml.decoding import bmp, png
from ml.decoding.encoding import (
    ADOBE_RGB,
    PQ,
    Encoding,
    by_code_points,
    by_png_chunks,
    eight_bits,
    to_srgb,
)
from ml.decoding.errors import ImageError
from ml.decoding.kinds import too_many_pixels

SRGB = ImageCms.createProfile("sRGB")
LAB = ImageCms.createProfile("LAB")
HDR_MEGAPIXELS = 25  # its 16 bits a colour take twice the memory
# A profile's colour space → the modes whose pixels it can explain.
MODES = {
    "RGB ": ("RGB", "RGBA", "L", "LA"),
    "GRAY": ("L", "LA"),
    "CMYK": ("CMYK",),
}


def _opens(profile: bytes) -> bool:
    """Whether it is a profile at all; what else the file says of its colours then counts."""
    try:
        ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except (ImageCms.PyCMSError, OSError):
        return False
    return True


def declared(image: Image.Image, stream: IO[bytes]) -> bytes | Encoding | None:
    """What the file says of its colours: an ICC profile, an encoding, or nothing, which is sRGB.

    PNG: cICP before iCCP before sRGB before gAMA and cHRM (PNG 3rd ed., 12.1). HEIF and AVIF: a
    profile before nclx (ISO/IEC 23000-22, 7.3.6.4). JPEG: a profile before DCF's mark of Adobe RGB.
    Raises ImageError: ``too_few_bits``, since PQ needs ten (BT.2100, table 9).
    """
    info = image.info
    if image.format == "PNG" and (code_points := png.cicp(stream)):
        encoding = by_code_points(*code_points)
        if encoding:
            return encoding
    profile = info.get("icc_profile")
    if not profile and image.format in ("JPEG2000", "BMP"):
        profile = (bmp.icc_profile if image.format == "BMP" else _jpeg_2000_profile)(stream)
    if profile and _opens(profile):
        return profile
    encoding = None
    if image.format == "PNG" and "srgb" not in info:
        encoding = by_png_chunks(info.get("gamma"), info.get("chromaticity"))
    elif image.format in ("HEIF", "AVIF"):
        boxes = info if image.format == "HEIF" else _heif(stream).info
        if nclx := boxes.get("nclx_profile"):
            encoding = by_code_points(nclx["color_primaries"], nclx["transfer_characteristics"])
        # Pillow reads AVIF by eight bits: PQ came out 1.9 of 255 beside the truth.
        bits = 8 if image.format == "AVIF" else boxes["bit_depth"]
        if encoding and encoding.transfer == PQ and bits < 10:
            raise ImageError(
                "too_few_bits",
                "The colours of this HDR picture can't be read exactly enough. "
                "Send it as an ordinary picture (SDR), for example as JPEG.",
            )
    elif image.format in ("JPEG", "MPO") and _says_adobe_rgb(image):
        encoding = Encoding(ADOBE_RGB, 563 / 256)
    return None if encoding is None or encoding.is_srgb else encoding


def is_deep(image: Image.Image, colours: bytes | Encoding | None) -> bool:
    """Whether eight bits, which Pillow keeps, would be too few, so that deep() is needed."""
    if png.is_16_bit(image):
        return colours is not None
    return isinstance(colours, Encoding) and colours.is_hdr and image.format == "HEIF"


def deep(
    image: Image.Image, stream: IO[bytes], colours: bytes | Encoding, side: int
) -> Image.Image:
    """Decode a picture that is_deep; with an encoding to sRGB, at a whole fraction, not below side.

    Raises ImageError: ``too_many_pixels``.
    """
    if image.format == "HEIF":
        if image.width * image.height > HDR_MEGAPIXELS * 1_000_000:
            raise too_many_pixels(HDR_MEGAPIXELS, "HDR HEIC")
        samples = np.asarray(_heif(stream, convert_hdr_to_8bit=False))
        # Grey stays as it is: whatever looks at it next refuses it.
        samples = samples[..., :3] if samples.ndim == 3 else np.stack([samples] * 3, axis=2)
        alpha = None
    else:
        samples = png.all_16_bits(image, stream)
        alpha = image.getchannel("A") if image.mode == "RGBA" else None
    factor = max(1, max(image.size) // side)
    if isinstance(colours, Encoding):
        result = Image.fromarray(to_srgb(samples, colours, factor))
    else:
        factor = 1
        samples = eight_bits(samples, 65535)  # in place of the larger ones
        result = Image.fromarray(samples)
    if alpha:
        result.putalpha(alpha.reduce(factor).crop((0, 0, *result.size)))
    return result


def in_srgb(image: Image.Image, colours: bytes | Encoding | None) -> Image.Image:
    """Pixels of eight bits in sRGB; as they are where their profile is broken or for another mode.

    Modes L, LA, RGB, RGBA, CMYK and LAB; returned in L, LA, RGB or RGBA.
    """
    if image.mode == "LAB":
        return _transformed(image, LAB)
    if isinstance(colours, bytes):
        image = _by_profile(image, colours)
    elif colours is not None:
        alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
        image = Image.fromarray(to_srgb(np.asarray(image.convert("RGB")), colours))
        if alpha:
            image.putalpha(alpha)
    return image.convert("RGB") if image.mode == "CMYK" else image


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space
        if image.mode not in MODES.get(space, ()):
            return image
        alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
        plain = image.convert({"RGB ": "RGB", "GRAY": "L"}.get(space, image.mode))
        converted = _transformed(plain, source)
    except (ImageCms.PyCMSError, OSError):
        return image
    if alpha:
        converted.putalpha(alpha)
    return converted


def _transformed(
    image: Image.Image, source: ImageCms.core.CmsProfile | ImageCms.ImageCmsProfile
) -> Image.Image:
    converted = ImageCms.profileToProfile(image, source, SRGB, outputMode="RGB")
    return image if converted is None else converted  # None: of a change in place


def _heif(stream: IO[bytes], **options: bool) -> pillow_heif.HeifFile:
    """Also of AVIF, whose boxes are the same: Pillow does not tell what they say of colours."""
    stream.seek(0)
    return pillow_heif.open_heif(stream, **options)


def _says_adobe_rgb(image: Image.Image) -> bool:
    """DCF 2.0: cameras set to Adobe RGB say "R03" and may leave the profile out."""
    try:
        interop = image.getexif().get_ifd(ExifTags.IFD.Interop)
    except Exception:  # parsers of metadata raise many kinds on hostile bytes
        return False
    return str(interop.get(1, "")).startswith("R03")


def _jpeg_2000_profile(stream: IO[bytes]) -> bytes | None:
    """The profile in the colr box of a JP2 file's header (ISO/IEC 15444-1, I.5.3.3), or None."""
    stream.seek(0)
    head = stream.read(1_000_000)
    start = head.find(b"jp2h")
    at = head.find(b"colr", start) if start > 0 else -1
    if at < 4 or len(head) < at + 7 or head[at + 4] not in (2, 3):
        return None
    (length,) = struct.unpack_from(">I", head, at - 4)
    return head[at + 7 : at - 4 + length]
