"""A picture without all its pixels is damaged, of whatever kind, and a whole one never is."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin
from pydicom.uid import JPEGBaseline8Bit

from ml.images import ImageError
from ml.stored import stored
from tests.ml.test_costly import END, png
from tests.ml.test_file_kinds import bitmap, dicom

SIZE = (240, 176)
SIDEWAYS = b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"


def photo(mode: str = "RGB") -> Image.Image:
    """A soft picture of skin's colours, with some grain."""
    dice = np.random.default_rng(5)
    soft = Image.fromarray(dice.integers(60, 250, (11, 15, 3), np.uint8)).resize(SIZE)
    grain = dice.integers(-9, 9, (SIZE[1], SIZE[0], 3))
    return Image.fromarray((np.asarray(soft) + grain).clip(0, 255).astype(np.uint8)).convert(mode)


def file_of(image: Image.Image, kind: str = "JPEG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def refusal(data: bytes) -> str | None:
    try:
        stored(data)
    except ImageError as error:
        return error.code
    return None


JPEGS = {
    "baseline": lambda: file_of(photo(), quality=90),
    "subsampled": lambda: file_of(photo(), quality=70, subsampling=2),
    "grey": lambda: file_of(photo("L")),
    "CMYK": lambda: file_of(photo("CMYK")),
    "progressive": lambda: file_of(photo(), progressive=True),
    "optimised": lambda: file_of(photo(), optimize=True),
    "restarts": lambda: file_of(photo(), restart_marker_rows=1),
    "sideways": lambda: file_of(photo(), exif=SIDEWAYS),
    "large": lambda: file_of(photo().resize((5000, 3700))),
}


@pytest.mark.parametrize("name", JPEGS)
@pytest.mark.parametrize("share", [0.3, 0.7, 0.9, 0.97])
def test_a_jpeg_that_is_cut_and_closed_is_damaged(name, share):
    data = JPEGS[name]()
    start = data.rindex(b"\xff\xda") + 14  # of the last scan's pixels
    cut = data[: start + int((len(data) - start) * share)].rstrip(b"\xff")
    assert refusal(cut + END) == "truncated"


def test_one_between_two_restarts_is_damaged():
    data = JPEGS["restarts"]()
    assert refusal(data[: data.rindex(b"\xff\xd1")] + END) == "truncated"


@pytest.mark.parametrize("name", JPEGS)
def test_a_whole_one_is_not(name):
    assert refusal(JPEGS[name]()) is None


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
@pytest.mark.parametrize("level", [0, 120, 128, 136, 255])
def test_a_whole_one_that_ends_in_grey_is_not(level, options):
    image = photo()
    image.paste((level,) * 3, (0, 80, *SIZE))
    assert refusal(file_of(image, **options)) is None
    assert refusal(file_of(Image.new("RGB", SIZE, (level,) * 3), **options)) is None


def test_a_whole_one_with_something_behind_it_is_not():
    assert refusal(JPEGS["baseline"]() + bytes(range(256)) * 100) is None


def test_a_jpeg_in_a_dicom_file():
    from pydicom.encaps import encapsulate

    data, about = JPEGS["baseline"](), {"PhotometricInterpretation": "YBR_FULL_422"}
    about |= {"Rows": SIZE[1], "Columns": SIZE[0]}
    cut = data[: len(data) * 4 // 5].rstrip(b"\xff") + END
    assert refusal(dicom(encapsulate([data]), JPEGBaseline8Bit, **about)) is None
    assert refusal(dicom(encapsulate([cut]), JPEGBaseline8Bit, **about)) == "truncated"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_has_all_its_pixels(mode):
    assert refusal(file_of(Image.new(mode, (37, 41)), "PNG")) is None


@pytest.mark.parametrize("rows", [0, 10, 39])
def test_a_png_without_all_its_rows(rows):
    assert refusal(png(40, 40, rows=rows)) == "truncated"


def test_a_large_one_with_ten_rows():
    assert refusal(png(5000, 5000, rows=10)) == "truncated"


@pytest.mark.parametrize("end", [b"", b"\0\1"])
def test_a_bitmap_in_runs_without_all_its_rows(end):
    palette = bytes(range(256)) * 4
    row = bytes((40, 7, 0, 0))
    assert refusal(bitmap(40, 40, 8, row * 40 + end, palette)) is None
    assert refusal(bitmap(40, 40, 8, row * 39 + row[:2] + end, palette)) is None
    for rows in (1, 10, 38):
        assert refusal(bitmap(40, 40, 8, row * rows + end, palette)) == "truncated"


def test_a_tiff_that_names_half_of_its_strips(monkeypatch):
    monkeypatch.setattr(TiffImagePlugin, "STRIP_SIZE", 4096)
    data = bytearray(file_of(photo(), "TIFF"))
    assert refusal(bytes(data)) is None
    [start] = struct.unpack_from("<I", data, 4)
    for at in range(start + 2, start + 2 + 12 * data[start], 12):
        tag, _kind, count = struct.unpack_from("<HHI", data, at)
        if tag in (273, 279):
            struct.pack_into("<I", data, at + 4, count // 2)
    assert refusal(bytes(data)) == "truncated"
