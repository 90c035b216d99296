"""DICOM: one colour picture of it, as any other picture; its names and numbers are left behind."""

import io
from typing import IO

import numpy as np
import pydicom
from PIL import Image
from pydicom.encaps import get_frame
from pydicom.pixels import apply_color_lut, pixel_array
from pydicom.uid import JPEG2000TransferSyntaxes, JPEGBaseline8Bit

from ml.decoding import kinds
from ml.decoding.encoding import FLOOR, eight_bits
from ml.decoding.errors import ImageError

# Kinds of colours (PS3.3, C.7.6.3.1.2) that come out as they are meant: where Pillow decodes, by
# what it is told in the JPEG or JPEG 2000 alone, and elsewhere.
COLOURS_INSIDE = {
    JPEGBaseline8Bit: ("RGB", "YBR_FULL", "YBR_FULL_422", "MONOCHROME2"),
    **dict.fromkeys(JPEG2000TransferSyntaxes, ("RGB", "YBR_RCT", "YBR_ICT", "MONOCHROME2")),
}
COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "PALETTE COLOR", "MONOCHROME1", "MONOCHROME2")

DICOM = next(kind for kind in kinds.KINDS if kind.name == "DICOM")


def open_frame(stream: IO[bytes]) -> Image.Image:
    """The picture of a DICOM file: not decoded yet where it is JPEG or JPEG 2000 inside.

    Raises ImageError: ``no_picture``, ``several_pictures``, ``too_many_pixels``, ``not_a_picture``;
    many kinds of error where it is damaged.
    """
    stream.seek(0)
    file = pydicom.dcmread(stream)
    if not len(file):  # pydicom's way to say that the file ends early
        raise EOFError
    if "PixelData" not in file:
        raise ImageError("no_picture", "This DICOM file holds no picture.")
    if int(file.get("NumberOfFrames") or 1) > 1:
        raise kinds.several_pictures()
    kinds.check_size(DICOM, int(file.Columns), int(file.Rows))
    inside = file.file_meta.TransferSyntaxUID
    if file.PhotometricInterpretation not in COLOURS_INSIDE.get(inside, COLOURS):
        raise ImageError(
            "not_a_picture",
            "This DICOM file holds its colours in a way that can't be read here (%(kind)s). "
            "Export it in RGB, or as JPEG.",
            kind=str(file.PhotometricInterpretation),
        )
    if inside in COLOURS_INSIDE:
        image = _inside(_frame(file), file)
    else:
        image = Image.fromarray(_pixels(file))
    if profile := file.get("ICCProfile"):
        image.info["icc_profile"] = bytes(profile)
    return image


def as_stored(stream: IO[bytes]) -> tuple[bytes, int]:
    """(picture, bytes of a row) of a DICOM file that open_frame could read; the second is 0 where
    the picture is coded."""
    file = pydicom.dcmread(stream)
    if file.file_meta.TransferSyntaxUID.is_encapsulated:
        return _frame(file), 0
    planes = file.SamplesPerPixel if file.get("PlanarConfiguration") else 1
    return file.PixelData, len(file.PixelData) // (file.Rows * planes)


def _frame(file: pydicom.Dataset) -> bytes:
    return get_frame(file.PixelData, 0, number_of_frames=1)


def _inside(frame: bytes, file: pydicom.Dataset) -> Image.Image:
    image = Image.open(io.BytesIO(frame), formats=("JPEG", "JPEG2000"))
    # Without a marker that says so, a decoder takes RGB in JPEG for YCbCr.
    told = "adobe" in image.info or "jfif" in image.info
    if image.format == "JPEG" and file.PhotometricInterpretation == "RGB" and not told:
        kinds.check_size(DICOM, *image.size)
        image.draft("YCbCr", None)
        return Image.frombytes("RGB", image.size, image.tobytes())
    return image


def _pixels(file: pydicom.Dataset) -> np.ndarray:
    """(height, width) or (height, width, 3) uint8."""
    try:
        pixels = pixel_array(file, index=0)
    except (RuntimeError, NotImplementedError) as error:  # no decoder for what is inside
        raise ImageError(
            "not_a_picture",
            "This DICOM file is compressed in a way that can't be read here (%(kind)s). "
            "Export it uncompressed or as JPEG.",
            kind=file.file_meta.TransferSyntaxUID.name,
        ) from error
    if file.PhotometricInterpretation == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, file)
    elif file.PhotometricInterpretation == "MONOCHROME1":
        pixels = (1 << int(file.BitsStored)) - 1 - pixels
    if pixels.dtype == np.uint8:
        return pixels
    bits = 16 if file.PhotometricInterpretation == "PALETTE COLOR" else int(file.BitsStored)
    # Rounded down, as ever: by its pixels a picture is known again that was stored before.
    return eight_bits(pixels, (1 << bits) - 1, FLOOR)
