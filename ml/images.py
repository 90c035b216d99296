"""Bytes → upright RGB array with all limits, and the one resampling to the network's input."""

import io
import math
import warnings
from typing import IO

import numpy as np
from PIL import Image, ImageFile, ImageOps, Jpeg2KImagePlugin, TiffImagePlugin
from pillow_heif import register_heif_opener

from ml.decoding import bmp, colour, dicom, kinds, png
from ml.decoding.errors import ImageError

register_heif_opener()
# Our own limits, by kind, stand before anything is decoded.
Image.MAX_IMAGE_PIXELS = None

# DICOM is not Pillow's; MPO is what its reader of JPEG makes of some.
FORMATS = [kind.formats[0] for kind in kinds.KINDS if kind.name != "DICOM"]
MIN_SIDE = 32
DRAFT_SIDE = 2048  # at least; what is stored and shown is not larger
# TIFF 6.0 and DNG 1.7
NEW_SUBFILE_TYPE, DNG_VERSION = 254, 50706

Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels


def open_upright(data: bytes | IO[bytes]) -> Image.Image:
    """Decode one still picture to upright RGB in sRGB, the EXIF orientation applied.

    Raises ImageError: ``empty``, ``not_a_picture``, ``video``, ``camera_raw``, ``no_picture``,
    ``truncated``, ``animated``, ``several_pictures``, ``too_many_pixels``, ``too_few_pixels``,
    ``too_few_bits``.
    """
    stream = io.BytesIO(data) if isinstance(data, bytes) else data
    head = stream.read(kinds.HEAD_BYTES)
    if not head:
        raise ImageError("empty", "The file is empty. Choose a picture.")
    if head.startswith(png.SIGNATURE):
        stream = png.without_broken_extras(stream) or stream
    with warnings.catch_warnings():
        # Of broken metadata.
        warnings.simplefilter("ignore")
        image = _opened(stream, head)
        try:
            _check(image)
            colours = colour.declared(image, stream)
            if colours is not None and colour.is_deep(image, colours):
                deep = colour.deep(image, stream, colours, DRAFT_SIDE)
                deep.info = image.info
                image, colours = deep, colours if isinstance(colours, bytes) else None
            else:
                image = _decoded(image, stream)
            image = reduced(eight_bits(image))
            return flatten(colour.in_srgb(upright(image), colours))
        except ImageError:
            raise
        except Exception as error:
            raise damaged() from error


def _opened(stream: IO[bytes], head: bytes) -> Image.Image:
    """What is known before pixels are decoded."""
    stream.seek(0)
    try:
        if kinds.is_dicom(head):
            return dicom.open_frame(stream)
        image = Image.open(stream, formats=(*FORMATS, "GIF"))
    except ImageError:
        raise
    except Exception as error:  # decoders raise many kinds on hostile bytes
        raise (damaged() if kinds.is_own(head) else kinds.not_a_picture(head)) from error
    for name in ("xmp", "XML:com.adobe.xmp"):
        # Pillow would turn the picture by it as well, which browsers don't.
        image.info.pop(name, None)
    return image


def _check(image: Image.Image) -> None:
    """Refuse by kind and size, before pixels are decoded."""
    if kind := kinds.of(image.format):
        progressive = bool(image.info.get("progressive"))
        kinds.check_size(kind, *image.size, progressive=progressive)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        _check_pages(image)
    elif image.format == "GIF" or _moves(image):
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


def _check_pages(image: TiffImagePlugin.TiffImageFile) -> None:
    """Of TIFF: one page is the picture, the first; previews of it may follow."""
    if DNG_VERSION in image.tag_v2 or image.tag_v2.get(NEW_SUBFILE_TYPE, 0) & 1:
        raise kinds.camera_raw()  # what comes first is a small preview
    for page in range(1, image.n_frames):
        image.seek(page)
        if not image.tag_v2.get(NEW_SUBFILE_TYPE, 0) & 1:
            raise kinds.several_pictures()
    image.seek(0)


def _decoded(image: Image.Image, stream: IO[bytes]) -> Image.Image:
    """With its pixels; at a fraction where the decoder can, since no photo needs more."""
    if bmp.is_run_length(image):
        return bmp.decoded_runs(image, stream)
    if isinstance(image, Jpeg2KImagePlugin.Jpeg2KImageFile):
        wanted = max(0, int(math.log2(max(image.size) / DRAFT_SIDE)))
        image.reduce = min(wanted, _levels(image.fp or stream))
        return image.copy()  # whose ``reduce`` is a method again
    elif isinstance(image, ImageFile.ImageFile):
        image.draft(None, (DRAFT_SIDE, DRAFT_SIDE))
    image.load()
    return bmp.without_empty_alpha(image) if image.format == "BMP" else image


def _levels(stream: IO[bytes]) -> int:
    """How often a JPEG 2000 codestream can be halved (ITU-T T.800, A.6.1: the COD marker)."""
    at = stream.tell()
    stream.seek(0)
    head = stream.read(65_536)
    stream.seek(at)
    start = head.find(b"\xff\x52")
    return head[start + 9] if 0 <= start < len(head) - 9 else 0


def eight_bits(image: Image.Image) -> Image.Image:
    """Any mode → L, LA, RGB, RGBA, CMYK or LAB."""
    info = image.info
    if image.mode.startswith("I;16"):
        # Pillow would clip 16 bits to white.
        image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    elif image.mode not in ("L", "LA", "RGB", "RGBA", "CMYK", "LAB"):
        grey = image.mode in ("1", "I", "F")
        image = image.convert("L" if grey else "RGBA" if image.has_transparency_data else "RGB")
    elif image.mode in ("L", "RGB") and image.has_transparency_data:
        image = image.convert("RGBA")
    image.info = info
    return image


def reduced(image: Image.Image) -> Image.Image:
    """At a whole fraction of its size, not below DRAFT_SIDE: what follows makes copies of it."""
    factor = max(image.size) // DRAFT_SIDE
    if factor < 2 or image.mode == "LAB":
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


def flatten(image: Image.Image) -> Image.Image:
    """L, LA, RGB or RGBA → RGB; transparency is laid on white, as every viewer shows it."""
    if image.mode in ("LA", "RGBA"):
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def decode(data: bytes | IO[bytes]) -> np.ndarray:
    """Like open_upright, as an array: (height, width, 3) uint8."""
    return np.asarray(open_upright(data))


def central_square(height: int, width: int) -> tuple[int, int, int]:
    """(top, left, side) of the part of a picture that the network sees."""
    side = min(height, width)
    return (height - side) // 2, (width - side) // 2, side


def to_input(image: np.ndarray, size: int, box: Box | None = None) -> np.ndarray:
    """The central square of an RGB array, or a square ``box`` of it, as (size, size, 3) uint8.

    Antialiased bilinear in steps of whole halvings first, so that large photographs cost little.
    """
    if box is None:
        top, left, side = central_square(*image.shape[:2])
        box = left, top, left + side, top + side
    square = Image.fromarray(image).resize(
        (size, size), Image.Resampling.BILINEAR, box=box, reducing_gap=2.0
    )
    return np.asarray(square)


def _moves(image: Image.Image) -> bool:
    """More than one frame; the extra stills of HEIC and of phones' JPEG (MPO) are not a film."""
    try:
        return image.format not in ("HEIF", "MPO") and getattr(image, "n_frames", 1) > 1
    except Exception:  # as above
        return False


def damaged() -> ImageError:
    """The error for a file that is cut or broken."""
    return ImageError("truncated", "The picture is damaged or incomplete. Send it again.")
