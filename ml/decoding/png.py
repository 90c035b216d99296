"""What Pillow leaves out of PNG files: broken text, the cICP chunk, and the low half of 16 bits."""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import IO, TypeGuard

import numpy as np
from PIL import Image, ImageFile

from ml.decoding.encoding import BAND

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXT = (b"tEXt", b"zTXt", b"iTXt")
LENGTHS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"tIME": 7}
MAX_CHUNKS = 20_000  # six times what 25 MB have as libpng writes them


def chunks(stream: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """(name, offset of the data, its length) of each chunk; ends where the file is cut."""
    stream.seek(0, io.SEEK_END)
    end, at = stream.tell(), len(SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if at + 12 > end:
            break
        stream.seek(at)
        length, name = struct.unpack(">I4s", stream.read(8))
        yield name, at + 8, length
        if name == b"IEND":
            break
        at += 12 + length


def without_broken_extras(stream: IO[bytes]) -> IO[bytes] | None:
    """The file without text and without ancillary chunks of a wrong checksum or length, or None
    where there are none.

    Whatever text, date or resolution they hold, the picture is the same (PNG 3rd ed., 13.2); Pillow
    refuses a file for text that is long, and turns it by a camera's notes that stand in text.
    """
    kept, broken, name = [SIGNATURE], False, b""
    for name, at, length in chunks(stream):
        stream.seek(at - 8)
        whole = stream.read(12 + length)
        ancillary = name[0] & 0x20
        wrong = zlib.crc32(whole[4:-4]) != int.from_bytes(whole[-4:])
        if name in TEXT or (ancillary and (wrong or LENGTHS.get(name, length) != length)):
            broken = True
        else:
            kept.append(whole)
    return io.BytesIO(b"".join(kept)) if broken and name == b"IEND" else None


def cicp(stream: IO[bytes]) -> tuple[int, int, bool] | None:
    """(primaries, transfer, full range) of the cICP chunk, the first two as in H.273; or None."""
    for name, at, length in chunks(stream):
        if name == b"IDAT":
            break
        if name == b"cICP" and length == 4:
            stream.seek(at)
            primaries, transfer, _matrix, full_range = stream.read(4)
            return primaries, transfer, bool(full_range)
    return None


def is_16_bit(image: Image.Image) -> TypeGuard[ImageFile.ImageFile]:
    """Whether the pixels, which are not decoded yet, have red, green and blue of 16 bits."""
    if not isinstance(image, ImageFile.ImageFile) or image.format != "PNG":
        return False
    return bool(image.tile) and image.tile[0].args in _LOW_HALVES


def all_16_bits(image: Image.Image, stream: IO[bytes]) -> np.ndarray:
    """Decode ``image``, which is_16_bit, to (height, width, 3) uint16.

    Pillow keeps the high bytes alone; told that the bytes lie the other way, it keeps the low.
    """
    stream.seek(0)
    other = Image.open(stream, formats=("PNG",))
    other.tile = [tile._replace(args=_LOW_HALVES[str(tile.args)]) for tile in other.tile]
    samples = np.empty((image.height, image.width, 3), np.uint16)
    for top in range(0, image.height, BAND):
        rows = samples[top : top + BAND]
        part = (0, top, image.width, top + len(rows))
        rows[:] = np.asarray(image.crop(part))[..., :3]
        rows <<= 8
        rows |= np.asarray(other.crop(part))[..., :3]
    return samples


_LOW_HALVES = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}
