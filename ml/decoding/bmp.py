"""What Pillow leaves to be done for BMP: fast run lengths, empty alpha, the embedded profile."""

import io
import struct
from typing import IO, TypeGuard

import numpy as np
from PIL import BmpImagePlugin, Image, ImageFile

HEADER = 14  # of the file, before that of the picture
MAX_ESCAPES = 1_000_000  # a second or two; a row of 255 values as they are is one


def is_bitmap(data: bytes) -> bool:
    """Whether a file begins as a bitmap does."""
    return data[:2] == b"BM"


def plain_rows(data: bytes) -> tuple[bytes, int]:
    """(rows, bytes of a row) of what is neither run nor coded; nothing of what is."""
    image = BmpImagePlugin.BmpImageFile(io.BytesIO(data))
    tile = image.tile[0]
    if tile.codec_name != "raw":
        return b"", 1
    _mode, stride, _direction = tuple(tile.args or ())
    return data[tile.offset : tile.offset + stride * image.height], stride


def is_run_length(image: Image.Image) -> TypeGuard[ImageFile.ImageFile]:
    """Whether the pixels, which are not decoded yet, are runs, which Pillow reads one by one."""
    if not isinstance(image, ImageFile.ImageFile) or image.format != "BMP":
        return False
    return bool(image.tile) and image.tile[0].codec_name == "bmp_rle"


def decoded_runs(image: ImageFile.ImageFile, stream: IO[bytes]) -> Image.Image:
    """Decode ``image``, which is_run_length (BI_RLE8 and BI_RLE4, bottom row first)."""
    _mode, half_bytes, _direction = tuple(image.tile[0].args or ())
    stream.seek(image.tile[0].offset)
    pixels = _runs(stream.read(), image.width, image.height, bool(half_bytes))
    result = Image.fromarray(pixels[::-1])
    if palette := image.palette:
        result.putpalette(palette.palette, palette.rawmode or palette.mode)
    elif image.mode == "1":
        result = result.point(lambda value: 255 * bool(value))
    return result


def without_empty_alpha(image: Image.Image) -> Image.Image:
    """As RGB where every pixel is transparent: programs that know no alpha leave it at 0."""
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (0, 0):
        return image.convert("RGB")
    return image


def icc_profile(stream: IO[bytes]) -> bytes | None:
    """The profile that a header of version 5 says to be embedded, or None."""
    stream.seek(HEADER)
    header = stream.read(124)
    if len(header) < 124 or header[:4] != (124).to_bytes(4, "little") or header[56:60] != b"DEBM":
        return None
    offset, size = struct.unpack_from("<II", header, 112)
    stream.seek(HEADER + offset)
    return stream.read(size)


def _runs(data: bytes, width: int, height: int, half_bytes: bool) -> np.ndarray:
    """Indexes (height, width) uint8. All that stands between two escapes is done in one step.
    Raises ValueError where rows are missing.

    Each command takes an even number of bytes: pairs of count and value, or after a count of 0
    an escape: the end of the row (0) or of all (1), a step aside (2), values as they are (3 …).
    """
    counts, values = data[: len(data) // 2 * 2 : 2], data[1::2]
    pixels = bytearray(width * height)
    at = x = y = 0
    ended = False
    for _ in range(MAX_ESCAPES):
        if y >= height:
            break
        stop = counts.find(0, at)
        if stop < 0:
            stop = len(counts)
        if stop > at and x < width:
            run = _repeated(counts[at:stop], values[at:stop], half_bytes)[: width - x]
            pixels[y * width + x : y * width + x + len(run)] = run
            x += len(run)
        if stop >= len(counts):
            break
        kind, at = values[stop], stop + 1
        if kind == 0:
            x, y = 0, y + 1
        elif kind == 1:
            ended = True
            break
        elif kind == 2:
            if at >= len(counts):
                break
            x, y, at = min(x + counts[at], width), y + values[at], at + 1
        else:
            length = (kind + 1) // 2 if half_bytes else kind
            run = data[2 * at : 2 * at + length]
            if half_bytes:
                run = bytes(half for both in run for half in (both >> 4, both & 15))[:kind]
            run = run[: width - x]
            pixels[y * width + x : y * width + x + len(run)] = run
            x, at = x + len(run), at + (length + 1) // 2
    else:
        raise ValueError("more commands than any program writes")
    # A step aside and the end of all may leave a part of the last row as it is.
    if y < height - 1 or (y == height - 1 and x < width and not ended):
        raise ValueError("rows are missing")
    return np.frombuffer(pixels, np.uint8).reshape(height, width)


def _repeated(counts: bytes, values: bytes, half_bytes: bool) -> bytes:
    """Each value as often as its count says; of half bytes the two in turn."""
    if len(counts) == 1:
        both = bytes((values[0] >> 4, values[0] & 15)) if half_bytes else values * 2
        return (both * (counts[0] // 2 + 1))[: counts[0]]
    number = np.frombuffer(counts, np.uint8)
    every = np.repeat(np.frombuffer(values, np.uint8), number)
    if half_bytes:
        starts = np.repeat(np.cumsum(number, dtype=np.int64) - number, number)
        second = (np.arange(len(every)) - starts) % 2 == 1
        every = np.where(second, every & 15, every >> 4)
    return every.tobytes()
