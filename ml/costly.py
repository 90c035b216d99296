"""Pictures that cost a decoder far more than their size: refused by what stands in the file.

Every check reads bytes and counts, in time that grows with the file and not with what it claims.
What passes may still be costly; ml/sandbox.py bounds that.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from ml.images import ImageError

JPEG, PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
# libjpeg decodes a progressive picture once for each scan; cameras and editors write about ten.
MAX_SCANS = 64
MAX_SEGMENTS = 2_000  # a profile and notes of 64 kB each, and some more
MAX_GAP = 65_536  # bytes between segments, which Pillow reads one by one
MAX_CHUNKS = 20_000  # of PNG; 25 MB have 3,200 as libpng writes them

# ITU-T T.81, table B.1. A byte FF before data is followed by 00; RST markers are parts of a scan.
MARKER = re.compile(rb"\xff(?=[\x01-\xcf\xd8-\xfe])")
SOI, EOI, SOS, TEM = 0xD8, 0xD9, 0xDA, 0x01
HUFFMAN_FRAMES = (0xC0, 0xC1, 0xC2)
PROGRESSIVE = 0xC2
MAX_COEFFICIENTS = 150_000_000  # of two bytes, all kept until a progressive picture is decoded
ADAM7 = (
    (0, 8, 0, 8),
    (4, 8, 0, 8),
    (0, 4, 4, 8),
    (2, 4, 0, 4),
    (0, 2, 2, 4),
    (1, 2, 0, 2),
    (0, 1, 1, 2),
)
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by PNG's colour type


def refuse(data: bytes) -> None:
    """Before decoding. Raises ImageError: ``too_costly``, ``truncated``."""
    with _cut_headers():
        if data.startswith(JPEG):
            _read_jpeg(data)
        elif data.startswith(PNG):
            for _chunk in _chunks(data):
                pass


def refuse_incomplete(data: bytes) -> None:
    """After decoding, which fills up what is missing. Raises ImageError: ``truncated``."""
    with _cut_headers():
        if data.startswith(JPEG):
            coded, blocks = _read_jpeg(data)
            if 8 * coded < blocks:  # each block has a bit at least
                raise _damaged()
        elif data.startswith(PNG):
            _refuse_png_without_rows(data)


@contextmanager
def _cut_headers() -> Iterator[None]:
    try:
        yield
    except struct.error:
        raise _damaged() from None


def _read_jpeg(data: bytes) -> tuple[int, int]:
    """(bytes of coded pixels, blocks of 8 × 8 pixels). Raises ImageError: ``too_costly``."""
    at, segments, scans, gap, coded, blocks = 2, 0, 0, 0, 0, 0
    in_scan = False
    while found := MARKER.search(data, at):
        marker = found.start()
        code = data[marker + 1]
        if in_scan:
            coded += marker - at
        else:
            gap += marker - at
        if code == EOI:
            break
        segments += 1
        if segments > MAX_SEGMENTS or scans > MAX_SCANS or gap > MAX_GAP:
            raise too_costly()
        at = marker + 2
        if code not in (SOI, TEM):
            at += int.from_bytes(data[at : at + 2])
        in_scan = code == SOS
        scans += in_scan
        if code in HUFFMAN_FRAMES:
            height, width, components = struct.unpack(">HHB", data[marker + 5 : marker + 10])
            blocks = -(-height // 8) * -(-width // 8)
            share = _share_of_pixels(data[marker + 10 : marker + 10 + 3 * components])
            if code == PROGRESSIVE and height * width * share > MAX_COEFFICIENTS:
                raise too_costly()
    return coded, blocks


def _share_of_pixels(components: bytes) -> float:
    """Coefficients for each pixel: 3 where nothing is subsampled, 1.5 in most photos (4:2:0)."""
    across, down = [b >> 4 for b in components[1::3]], [b & 15 for b in components[1::3]]
    most = max(across, default=1) * max(down, default=1)
    return sum(a * d for a, d in zip(across, down, strict=True)) / max(most, 1)


def _refuse_png_without_rows(data: bytes) -> None:
    needed, found, inflate = 0, 0, zlib.decompressobj()
    for name, content in _chunks(data):
        if name == b"IHDR":
            needed = _bytes_of_rows(content)
        elif name == b"IDAT":
            found += _inflated(inflate, content, needed - found)
    if found < needed:
        raise _damaged()


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    at, count, view = len(PNG), 0, memoryview(data)
    while at + 12 <= len(data):
        count += 1
        if count > MAX_CHUNKS:
            raise too_costly()
        length, name = struct.unpack_from(">I4s", data, at)
        yield name, view[at + 8 : at + 8 + length]
        at += 12 + length


def _bytes_of_rows(header: memoryview) -> int:
    """What the pixels take once inflated (PNG 3rd ed., 7.2 and 8.1)."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header[:13])
    bits = depth * SAMPLES.get(colour, 1)
    passes = ADAM7 if interlaced else ((0, 1, 0, 1),)
    total = 0
    for left, across, top, down in passes:
        columns = max(0, -(-(width - left) // across))
        rows = max(0, -(-(height - top) // down))
        total += rows * (1 + -(-columns * bits // 8)) if columns else 0
    return total


def _inflated(inflate: "zlib._Decompress", content: memoryview, most: int) -> int:
    """How many bytes come of it, at most; made in pieces and dropped at once."""
    found, content = 0, bytes(content)
    try:
        while content and found < most and not inflate.eof:
            found += len(inflate.decompress(content, 1 << 20))
            content = inflate.unconsumed_tail
    except zlib.error:
        raise _damaged() from None
    return found


def too_costly() -> ImageError:
    """The error for what takes more time or memory than a picture of its size needs."""
    return ImageError(
        "too_costly",
        "This file takes far more work than a photo does. "
        "Open the picture on your device, save it anew as JPEG and send that.",
    )


def _damaged() -> ImageError:
    return ImageError("truncated", "The picture is damaged or incomplete. Send it again.")
