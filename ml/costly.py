"""Pictures that cost a decoder far more than their size: refused by what stands in the file.

Every check reads bytes and counts, in time that grows with the file and not with what it claims.
What passes may still be costly; ml/sandbox.py bounds that.
"""

import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from ml.images import ImageError, damaged

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


def refuse(data: bytes) -> None:
    """Before decoding. Raises ImageError: ``too_costly``, ``truncated``."""
    with _cut_headers():
        if data.startswith(JPEG):
            _refuse_jpeg(data)
        elif data.startswith(PNG):
            for _chunk in chunks(data):
                pass


@contextmanager
def _cut_headers() -> Iterator[None]:
    """Call a file damaged whose headers end early."""
    try:
        yield
    except struct.error:
        raise damaged() from None


def _refuse_jpeg(data: bytes) -> None:
    scans, gap, last = 0, 0, 2
    in_scan = False
    for number, (at, code) in enumerate(jpeg_segments(data)):
        gap += 0 if in_scan else at - last
        if code == EOI:
            break
        if number >= MAX_SEGMENTS or scans > MAX_SCANS or gap > MAX_GAP:
            raise too_costly()
        in_scan = code == SOS
        scans += in_scan
        last = _behind(data, at, code)
        if code == PROGRESSIVE:
            height, width, components = struct.unpack(">HHB", data[at + 5 : at + 10])
            share = _share_of_pixels(data[at + 10 : at + 10 + 3 * components])
            if height * width * share > MAX_COEFFICIENTS:
                raise too_costly()


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """(offset of its marker, code) of each segment, up to the end of the first picture."""
    at = 2
    while found := MARKER.search(data, at):
        code = data[found.start() + 1]
        yield found.start(), code
        if code == EOI:
            break
        at = _behind(data, found.start(), code)


def _behind(data: bytes, marker: int, code: int) -> int:
    at = marker + 2
    return at if code in (SOI, TEM) else at + int.from_bytes(data[at : at + 2])


def _share_of_pixels(components: bytes) -> float:
    """Coefficients for each pixel: 3 where nothing is subsampled, 1.5 in most photos (4:2:0)."""
    across, down = [b >> 4 for b in components[1::3]], [b & 15 for b in components[1::3]]
    most = max(across, default=1) * max(down, default=1)
    return sum(a * d for a, d in zip(across, down, strict=True)) / max(most, 1)


def chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, bytes]]:
    """(name, content, checksum) of each chunk of a PNG. Raises ImageError: ``too_costly``."""
    at, count, view = len(PNG), 0, memoryview(data)
    while at + 12 <= len(data):
        count += 1
        if count > MAX_CHUNKS:
            raise too_costly()
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        yield name, view[at + 8 : end], data[end : end + 4]
        at = end + 4


def too_costly() -> ImageError:
    """The error for what takes more time or memory than a picture of its size needs."""
    return ImageError(
        "too_costly",
        "This file takes far more work than a photo does. "
        "Open the picture on your device, save it anew as JPEG and send that.",
    )
