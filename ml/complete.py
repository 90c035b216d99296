"""Whether all pixels of a picture are in its file: decoders fill up what is missing, in silence.

WebP, AVIF, HEIC and JPEG 2000 that are cut need no check here: their decoders refuse them, also
where lengths were mended; in HEIC zeros may stand for what is missing (ml/decoding/heic.py).
Bitmaps in runs are checked as they are read (ml/decoding/bmp.py).
"""

import io
import random
import struct
import zlib

import numpy as np
from PIL import Image
from PIL import TiffImagePlugin as tiff

from ml import costly
from ml.decoding import dicom, heic, kinds
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
JPEG_IN_TIFF, JPEG_END = 7, b"\xff\xd9"  # TIFF Technical Note 2

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
        frame = dicom.jpeg_inside(io.BytesIO(data))
        if frame:
            _refuse_cut_jpeg(frame, open_upright(frame))
    elif data.startswith(costly.JPEG):
        _refuse_cut_jpeg(data, image)
    elif data.startswith(costly.PNG):
        _refuse_png_without_rows(data)
    elif data[:4] in tiff.PREFIXES:
        _refuse_tiff_without_parts(data)
    elif heic.is_heic(data) and heic.has_hole(data):
        raise damaged()


def _refuse_cut_jpeg(data: bytes, image: Image.Image) -> None:
    """Decode it again with further bytes behind its blocks: where that changes it, some lacked."""
    end, scans, frame, inks = None, 0, None, 0
    for at, code in costly.jpeg_segments(data):
        scans += code == costly.SOS
        if code in costly.HUFFMAN_FRAMES:
            frame, inks = code, data[at + 9]
        if code == costly.EOI:
            end = at
    if frame is None:
        return  # arithmetic coding may leave its last bytes out
    whole_blocks = frame != costly.PROGRESSIVE and scans == 1 and inks != CMYK
    if end and whole_blocks and not _ends_in_grey(image):
        return  # what nearly every photo is, at no cost
    end = end or _end_of_written(data)
    if open_upright(data[:end] + FURTHER + data[end:]).tobytes() != image.tobytes():
        raise damaged()


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
    if tags.get(tiff.COMPRESSION) == JPEG_IN_TIFF:
        tables = tags.get(tiff.JPEGTABLES, b"")
        for at, size in zip(parts, sizes, strict=True):
            _refuse_cut_strip(_with_tables(data[at : at + size], tables))


def _with_tables(strip: bytes, tables: bytes) -> bytes:
    """A strip or tile as a JPEG of its own: the tables that all share end where it begins."""
    shared = tables[:-2] if tables.endswith(JPEG_END) else tables
    return shared + strip[2:] if shared else strip


def _refuse_cut_strip(data: bytes) -> None:
    """As of a whole JPEG; what is too small for a picture of its own is large enough here."""
    end = next((at for at, code in costly.jpeg_segments(data) if code == costly.EOI), None)
    blocks = data[: end or _end_of_written(data)]
    found = [
        Image.open(io.BytesIO(blocks + more + JPEG_END), formats=("JPEG",)).tobytes()
        for more in (b"", FURTHER)
    ]
    if found[0] != found[1]:
        raise damaged()


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


def _inflated(inflate: "zlib._Decompress", content: memoryview, most: int) -> int:
    """How many bytes come of it, at most; made in pieces and dropped at once."""
    found, left = 0, bytes(content)
    try:
        while left and found < most and not inflate.eof:
            found += len(inflate.decompress(left, 1 << 20))
            left = inflate.unconsumed_tail
    except zlib.error:
        raise damaged() from None
    return found
