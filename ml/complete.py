"""Whether all pixels of a picture are in its file: decoders fill up what is missing, in silence.

WebP, AVIF, HEIC and JPEG 2000 that are cut need no check here: their decoders refuse them, also
where lengths were mended. Zeros may stand for what is missing (ml/decoding/holes.py, heic.py).
Bitmaps in runs are checked as they are read (ml/decoding/bmp.py).
"""

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
from PIL import Image
from PIL import TiffImagePlugin as tiff

from ml import costly
from ml.decoding import bmp, dicom, heic, holes, kinds, webp
from ml.images import ImageError, damaged, open_upright

# What follows the last coded block is skipped by every decoder (ITU-T T.81, B.1.1.2); where blocks
# are missing, it is taken for them. With markers in between, since a decoder may wait for one.
_DICE = random.Random(0)
FURTHER = b"".join(
    _DICE.randbytes(128).replace(b"\xff", b"\xfe") + bytes((0xFF, 0xD0 + number))
    for number in range(8)
)
# Grey is what libjpeg makes of missing blocks; whichever corner is the last one once it is upright.
GREY, NEAR = 128, 48
CMYK = 4
DHT, LENGTHS = 0xC4, 17  # ITU-T T.81, B.2.4.2: a table's kind, how many codes of each length
JPEG_END = b"\xff\xd9"
PLAIN, JPEG_IN_TIFF, DEFLATE = 1, 7, (8, 32946)  # TIFF 6.0, and Technical Note 2

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


def refuse_incomplete(data: bytes, image: Image.Image) -> None:
    """Refuse a file whose pixels, decoded to ``image`` by open_upright, were not all there.

    Raises ImageError: ``truncated``.
    """
    try:
        _refuse(data, image)
    except ImageError:
        raise
    except Exception as error:  # readers of headers raise many kinds on hostile bytes
        raise damaged() from error


def _refuse(data: bytes, image: Image.Image) -> None:
    if kinds.is_dicom(data[: kinds.HEAD_BYTES]):  # may begin as TIFF, too
        frame, stride = dicom.as_stored(io.BytesIO(data))
        if stride:
            _refuse_cut_row(frame, stride)
        elif frame.startswith(costly.JPEG):
            _refuse_cut_jpeg(frame, open_upright(frame))
    elif data.startswith(costly.JPEG):
        _refuse_cut_jpeg(data, image)
    elif data.startswith(costly.PNG):
        _refuse_png_without_rows(data)
    elif data[:4] in tiff.PREFIXES:
        _refuse_tiff_without_parts(data)
    elif webp.is_webp(data):
        for start, end in webp.coded(data):
            if holes.has_zeros(data, start, end):
                _refuse_hole(data, start, end, image.tobytes())
    elif bmp.is_bitmap(data):
        _refuse_cut_row(*bmp.plain_rows(data))
    elif heic.is_heic(data) and heic.has_hole(data):
        raise damaged()


def _pixels(data: bytes) -> bytes | None:
    try:
        return open_upright(data).tobytes()
    except ImageError:
        return None


def _may_be_zeros(head: bytes) -> bool:
    """Whether zeros may code a flat part of a JPEG whose colours take turns: they end a block, or
    are a run of what is 0, by each table (ITU-T T.81, F.1.2.2). By the one that most cameras have
    for brightness they are grain that no picture has."""
    flat = []
    for at, code in costly.jpeg_segments(head):
        tables = head[at + 4 : at + 2 + int.from_bytes(head[at + 2 : at + 4])]
        while code == DHT and len(tables) > LENGTHS:
            if tables[0] >> 4:  # of all but a block's mean; the first symbol has the code of zeros
                flat.append(tables[LENGTHS] & 15 == 0)
            tables = tables[LENGTHS + sum(tables[1:LENGTHS]) :]
    return bool(flat) and all(flat)


def _refuse_hole(
    data: bytes,
    start: int,
    end: int,
    pixels: bytes,
    *,
    decode: Callable[[bytes], bytes | None] = _pixels,
) -> None:
    if holes.has_hole(data, start, end, pixels=pixels, decode=decode, further=FURTHER):
        raise damaged()


def _refuse_cut_row(rows: bytes, stride: int) -> None:
    if holes.has_cut_row(rows, stride):
        raise damaged()


def _refuse_cut_jpeg(data: bytes, image: Image.Image) -> None:
    """Decode it again with further bytes behind its blocks: where that changes it, some lacked."""
    segments = [*costly.jpeg_segments(data)]
    head = next((at for at, code in segments if code == costly.SOS), 0)
    frame = next(((at, code) for at, code in segments if code in costly.HUFFMAN_FRAMES), None)
    if frame is None:
        return  # arithmetic coding may leave its last bytes out
    end = next((at for at, code in segments if code == costly.EOI), None)
    scans = [*_scans(data, segments, end or _end_of_written(data))]
    in_turns = frame[1] != costly.PROGRESSIVE and len(scans) == 1
    if any(holes.has_zeros(data, *scan) for scan in scans):
        if in_turns and not _may_be_zeros(data[:head]):
            raise damaged()
    elif end and in_turns and data[frame[0] + 9] != CMYK and not _ends_in_grey(image):
        return  # what nearly every photo is, at no cost
    pixels = image.tobytes()
    for start, end in scans:
        has_zeros = holes.has_zeros(data, start, end)
        if not has_zeros and (start, end) != scans[-1]:
            continue
        if open_upright(data[:end] + FURTHER + data[end:]).tobytes() != pixels:
            raise damaged()
        if has_zeros and not image.getcolors(1):  # tables of one colour may know no other code
            _refuse_hole(data, start, end, pixels)


def _scans(data: bytes, segments: list[tuple[int, int]], end: int) -> Iterator[tuple[int, int]]:
    """(start, end) of what is coded in each scan."""
    for (at, code), (behind, _code) in pairwise([*segments, (end, costly.EOI)]):
        if code == costly.SOS:
            yield at + 2 + int.from_bytes(data[at + 2 : at + 4]), behind


def _end_of_written(data: bytes) -> int:
    """Of a JPEG without its end, before the zeros that a broken copy leaves: they would be taken
    for blocks. One may be the scan's own, behind a byte of FF."""
    return min(len(data), len(data.rstrip(b"\0")) + 1)


def _ends_in_grey(image: Image.Image) -> bool:
    corners = np.asarray(image)[[0, 0, -1, -1], [0, -1, 0, -1]].astype(int)
    neutral = np.ptp(corners, axis=1) < NEAR
    return bool((neutral & (abs(corners.mean(axis=1) - GREY) < NEAR)).any())


def _refuse_tiff_without_parts(data: bytes) -> None:
    """Count the strips or tiles, of which the decoder leaves black what the file doesn't name, and
    look into each that is a JPEG."""
    page = tiff.TiffImageFile(io.BytesIO(data))
    tags = page.tag_v2
    width, height = tags[tiff.IMAGEWIDTH], tags[tiff.IMAGELENGTH]  # those of page are upright
    if tiff.STRIPOFFSETS in tags:  # which is read where there are both
        parts, across, down = tags[tiff.STRIPOFFSETS], width, tags.get(tiff.ROWSPERSTRIP, height)
        sizes = tags.get(tiff.STRIPBYTECOUNTS, ())
    elif tiff.TILEOFFSETS in tags:
        parts, across, down = (
            tags[tag] for tag in (tiff.TILEOFFSETS, tiff.TILEWIDTH, tiff.TILELENGTH)
        )
        sizes = tags.get(tiff.TILEBYTECOUNTS, ())
    else:
        return
    planes = len(page.getbands()) if tags.get(tiff.PLANAR_CONFIGURATION) == 2 else 1
    if len(parts) < planes * -(-width // across) * -(-height // down):
        raise damaged()
    compression = tags.get(tiff.COMPRESSION, PLAIN)
    inside = [data[at : at + size] for at, size in zip(parts, sizes, strict=False)]
    if compression == JPEG_IN_TIFF:
        for strip in inside:
            _refuse_cut_strip(_with_tables(strip, tags.get(tiff.JPEGTABLES, b"")))
        return
    samples = tags.get(tiff.SAMPLESPERPIXEL, 1) // planes
    stride = -(-across * samples * tags.get(tiff.BITSPERSAMPLE, (1,))[0] // 8)
    if compression == PLAIN:
        _refuse_cut_row(b"".join(inside), stride)
    elif compression in DEFLATE:
        tops, is_tile = range(0, height, down), tiff.TILELENGTH in tags
        for number, strip in enumerate(inside):
            rows = down if is_tile else min(down, height - tops[number % len(tops)])
            # To its end, where its sum stands: the decoder may not come to it.
            if _inflated(zlib.decompressobj(), strip, stride * rows + 1) > stride * rows:
                raise damaged()


def _with_tables(strip: bytes, tables: bytes) -> bytes:
    """A strip or tile as a JPEG of its own: the tables that all share end where it begins."""
    shared = tables[:-2] if tables.endswith(JPEG_END) else tables
    return shared + strip[2:] if shared else strip


def _refuse_cut_strip(data: bytes) -> None:
    """As of a whole JPEG; what is too small for a picture of its own is large enough here."""
    first = {code: at for at, code in reversed(list(costly.jpeg_segments(data)))}
    blocks = data[: first.get(costly.EOI) or _end_of_written(data)]
    start, end = first[costly.SOS], len(blocks)
    whole, longer = blocks + JPEG_END, blocks + FURTHER + JPEG_END
    pixels = _pixels_of_strip(whole)
    if not pixels or pixels != _pixels_of_strip(longer):
        raise damaged()
    if holes.has_zeros(whole, start, end):
        _refuse_hole(whole, start, end, pixels, decode=_pixels_of_strip)


def _pixels_of_strip(data: bytes) -> bytes | None:
    try:
        return Image.open(io.BytesIO(data), formats=("JPEG",)).tobytes()
    except OSError:
        return None


def _refuse_png_without_rows(data: bytes) -> None:
    """Count the rows, and check their sums, which Pillow doesn't: zeros may stand for pixels."""
    needed, found, inflate = 0, 0, zlib.decompressobj()
    for name, content, checksum in costly.chunks(data):
        if name == b"IHDR":
            needed = _bytes_of_rows(content)
        elif name == b"IDAT":
            found += _inflated(inflate, content, needed - found)
            if zlib.crc32(content, zlib.crc32(name)) != int.from_bytes(checksum):
                raise damaged()
    if found < needed:
        raise damaged()


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


def _inflated(inflate: "zlib._Decompress", content: bytes | memoryview, most: int) -> int:
    """How many bytes come of it, at most; made in pieces and dropped at once."""
    found, left = 0, bytes(content)
    try:
        while left and found < most and not inflate.eof:
            found += len(inflate.decompress(left, 1 << 20))
            left = inflate.unconsumed_tail
    except zlib.error:
        raise damaged() from None
    return found
