"""Small files that keep a decoder busy."""

import struct

import pytest

from ml import costly
from ml.images import ImageError
from tests.factories import picture
from tests.ml.files import END, chunk, png


def refusal(data: bytes) -> str | None:
    try:
        costly.refuse(data)
    except ImageError as error:
        return error.code
    return None


def jpeg(size=(320, 240), **options) -> bytes:
    return picture(size, **options)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"exif": bytes(60_000)}])
def test_what_cameras_write_passes(options):
    assert refusal(jpeg(**options)) is None


def test_a_photo_with_a_film_behind_it_passes():
    assert refusal(jpeg() + bytes(range(256)) * 1000) is None


def test_scans_without_end():
    data = jpeg(progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    assert refusal(data[:-2] + last * 40 + END) is None
    assert refusal(data[:-2] + last * 100 + END) == "too_costly"


@pytest.mark.parametrize("filling", [b"\xff", b"\0", b"\xff\xd0", b"\xff\xfe\0\2"])
def test_fillings_between_segments(filling):
    data = jpeg()
    assert refusal(data[:2] + filling * 100 + data[2:]) is None
    assert refusal(data[:2] + filling * 100_000 + data[2:]) == "too_costly"


@pytest.mark.parametrize(("subsampling", "code"), [(2, None), (0, "too_costly")])
def test_a_progressive_one_whose_coefficients_fill_the_memory(subsampling, code):
    data = bytearray(jpeg(progressive=True, subsampling=subsampling))
    frame = data.index(b"\xff\xc2")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 8000, 8000)
    assert refusal(bytes(data)) == code


def test_chunks_without_end():
    assert refusal(png(40, 40, rows=40, extra=chunk(b"abCd", b"") * 100)) is None
    assert refusal(png(40, 40, rows=40, extra=chunk(b"abCd", b"") * 30_000)) == "too_costly"


@pytest.mark.parametrize("length", range(2, 700, 13))
def test_a_file_that_is_cut_anywhere_raises_nothing_else(length):
    for data in (jpeg(progressive=True), png(40, 40, rows=40)):
        assert refusal(data[:length]) in (None, "truncated")
