"""A picture without all its pixels is damaged, of whatever kind, and a whole one never is."""

import io
import random
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw
from pydicom.uid import JPEGBaseline8Bit

from ml.images import ImageError
from ml.reencoding import stored
from tests.ml.files import END, bitmap, dicom, file_of, png

SIZE = (240, 176)
SIDEWAYS = b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"


def photo(mode: str = "RGB") -> Image.Image:
    """A soft picture of skin's colours, with some grain."""
    dice = np.random.default_rng(5)
    soft = Image.fromarray(dice.integers(60, 250, (11, 15, 3), np.uint8)).resize(SIZE)
    grain = dice.integers(-9, 9, (SIZE[1], SIZE[0], 3))
    return Image.fromarray((np.asarray(soft) + grain).clip(0, 255).astype(np.uint8)).convert(mode)


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


@pytest.mark.parametrize("share", [0.3, 0.7, 0.9])
@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"optimize": True}, {"quality": 100}])
def test_a_jpeg_whose_end_is_zeros_is_damaged(options, share):
    data = file_of(photo(), **({"quality": 97} | options))
    kept = int(len(data) * share)
    assert refusal(data[:kept] + bytes(len(data) - kept)) == "truncated"
    assert refusal(data.removesuffix(END) + bytes(100_000)) is None


@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"optimize": True}, {"quality": 100}])
@pytest.mark.parametrize(
    "more", [{}, {"restart_marker_rows": 2}, {"quality": 85, "progressive": True}]
)
def test_a_jpeg_with_zeros_inside_is_damaged(options, more):
    data = file_of(photo(), **({"quality": 97} | options | more))
    half = len(data) // 2
    assert refusal(data[:half] + bytes(2_000) + data[half + 2_000 :]) == "truncated"
    assert refusal(data[:half] + bytes(len(data) - half - 2) + END) == "truncated"


def with_a_bar(level: int) -> Image.Image:
    image = photo().resize((960, 704))
    image.paste((level,) * 3, (0, 300, *image.size))
    return image


def in_a_round_frame() -> Image.Image:
    image, mask = photo(), Image.new("L", SIZE)
    ImageDraw.Draw(mask).ellipse((9, 9, 230, 166), fill=255)
    return Image.composite(image, Image.new("RGB", SIZE), mask)


WHOLE = {
    "black bar": lambda: with_a_bar(0),
    "white bar": lambda: with_a_bar(255),
    "round frame": in_a_round_frame,
    "turned": lambda: photo().rotate(2, expand=True),
    "grey": lambda: photo("L"),
}
KINDS = {
    "WebP": lambda image: file_of(image, "WEBP", quality=90),
    "WebP without loss": lambda image: file_of(image, "WEBP", lossless=True),
    "WebP without loss, soon": lambda image: file_of(
        image, "WEBP", lossless=True, quality=0, method=0
    ),
    "WebP with alpha": lambda image: file_of(image.convert("RGBA"), "WEBP"),
    "AVIF": lambda image: file_of(image, "AVIF"),
    "BMP": lambda image: file_of(image, "BMP"),
    "BMP, 32 bits": lambda image: file_of(image.convert("RGBA"), "BMP"),
    "TIFF": lambda image: file_of(image, "TIFF"),
    "TIFF with Deflate": lambda image: file_of(image, "TIFF", compression="tiff_adobe_deflate"),
    "TIFF of JPEG": lambda image: file_of(image.convert("RGB"), "TIFF", compression="jpeg"),
    "JPEG, optimised": lambda image: file_of(image, optimize=True),
    "JPEG, progressive": lambda image: file_of(image, progressive=True),
    "DICOM": lambda image: dicom(
        image.convert("RGB").tobytes(), Rows=image.height, Columns=image.width
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_one_of_any_kind_with_a_black_or_a_white_part_is_not(name, kind):
    assert refusal(KINDS[kind](WHOLE[name]())) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.4, 0.6, 0.75])
@pytest.mark.parametrize("name", ["photo", "round frame"])
def test_zeros_in_place_of_a_part(name, share, kind):
    data = KINDS[kind](WHOLE.get(name, photo)())
    at, lost = int(len(data) * share) + 251, len(data) // 6
    assert refusal(data[:at] + bytes(lost) + data[at + lost :]) == "truncated"
    assert refusal(data[:at] + bytes(len(data) - at)) == "truncated"


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
    assert refusal(png(40, 40, rows=40)) is None
    assert refusal(png(40, 40, rows=rows)) == "truncated"


def test_a_large_one_with_ten_rows():
    assert refusal(png(5000, 5000, rows=10)) == "truncated"


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_png_whose_end_is_zeros(share):
    data = file_of(photo(), "PNG")
    kept = int(len(data) * share)
    assert refusal(data) is None
    assert refusal(data[:kept] + bytes(len(data) - kept)) == "truncated"
    end = data.index(b"IEND") - 8
    assert refusal(data[: end - 5_000] + bytes(5_000) + data[end:]) == "truncated"


@pytest.mark.parametrize("end", [b"", b"\0\1"])
def test_a_bitmap_in_runs_without_all_its_rows(end):
    palette = bytes(range(256)) * 4
    row = bytes((40, 7, 0, 0))
    assert refusal(bitmap(40, 40, 8, row * 40 + end, palette)) is None
    assert refusal(bitmap(40, 40, 8, row * 39 + row[:2] + end, palette)) is None
    for rows in (1, 10, 38):
        assert refusal(bitmap(40, 40, 8, row * rows + end, palette)) == "truncated"


def tiff(
    shape: tuple[int, int],
    *,
    tile: int = 0,
    rows: int = 4,
    orientation: int = 1,
    planes: int = 1,
    lacks: int = 0,
    big: bool = False,
    deflate: bool = False,
) -> bytes:
    """A picture of this shape in strips or tiles (TIFF 6.0, also BigTIFF), without the last ones.

    ``planes``: 3 for one of each colour.
    """
    whole = np.random.default_rng(5).integers(60, 250, (*shape, 3), np.uint8)
    down, across = (tile, tile) if tile else (rows, shape[1])
    parts = [
        np.pad(
            part, [(0, tile and tile - part.shape[0]), (0, tile and tile - part.shape[1]), (0, 0)]
        )
        for plane in np.split(whole, planes, axis=2)
        for top in range(0, shape[0], down)
        for left in range(0, shape[1], across)
        for part in [plane[top : top + down, left : left + across]]
    ]
    coded = [zlib.compress(part.tobytes()) if deflate else part.tobytes() for part in parts]
    sizes = [len(part) for part in coded[: len(parts) - lacks]]
    start = 16 if big else 8
    offsets = np.cumsum([start, *sizes])[:-1].tolist()
    tags = {
        256: [shape[1]],
        257: [shape[0]],
        258: [8] * 3,
        259: [8 if deflate else 1],
        262: [2],
        274: [orientation],
    }
    tags |= {277: [3], 284: [2 if planes > 1 else 1]}
    if tile:
        tags |= {322: [tile], 323: [tile], 324: offsets, 325: sizes}
    else:
        tags |= {273: offsets, 278: [rows], 279: sizes}
    # Numbers of entries, of values and offsets; of BigTIFF all are longer.
    few, number, kind = ("Q", "Q", 16) if big else ("H", "I", 4)
    body, entries = b"".join(coded)[: sum(sizes)], b""
    for tag, values in sorted(tags.items()):
        content = struct.pack(f"<{len(values)}{number}", *values)
        if len(values) > 1:
            body, content = body + content, struct.pack(f"<{number}", start + len(body))
        entries += struct.pack(f"<HH{number}", tag, kind, len(values)) + content
    head = b"II+\0" + struct.pack("<HH", 8, 0) if big else b"II*\0"
    directory = struct.pack(f"<{number}", start + len(body))
    return head + directory + body + struct.pack(f"<{few}", len(tags)) + entries + bytes(8)


@pytest.mark.parametrize("planes", [1, 3])
@pytest.mark.parametrize("tile", [0, 16])
@pytest.mark.parametrize("shape", [(60, 80), (80, 60)])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_is_whole_or_not_however_it_is_turned(orientation, shape, tile, planes):
    about = {"orientation": orientation, "tile": tile, "planes": planes}
    assert refusal(tiff(shape, **about)) is None
    for lacks in (1, 3, 7):
        assert refusal(tiff(shape, lacks=lacks, **about)) == "truncated"


@pytest.mark.parametrize("planes", [1, 3])
@pytest.mark.parametrize("tile", [0, 16])
def test_one_with_sums_is_whole_or_not(tile, planes):
    data = tiff((62, 80), tile=tile, planes=planes, deflate=True)
    assert refusal(data) is None
    for at in range(200, len(data) // 2, 701):
        assert refusal(data[:at] + bytes(100) + data[at + 100 :]) == "truncated"


@pytest.mark.parametrize("tile", [0, 16])
def test_one_for_large_files_is_whole_or_not(tile):
    assert refusal(tiff((60, 80), tile=tile, big=True)) is None
    assert refusal(tiff((60, 80), tile=tile, big=True, lacks=1)) == "truncated"


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
@pytest.mark.parametrize("quality", [50, 90, -1])
def test_a_heic_with_zeros_in_place_of_a_part(quality, mode):
    data = file_of(photo(mode), "HEIF", quality=quality)
    assert refusal(data) is None
    whole, kept = len(data), len(data) - len(data.split(b"mdat", 1)[1]) // 4
    assert refusal(data[:kept] + bytes(whole - kept)) == "truncated"
    assert refusal(data[: kept - 500] + bytes(500) + data[kept:]) == "truncated"


def test_a_heic_whose_notes_hold_zeros_is_whole():
    notes = SIDEWAYS + bytes(4_000)
    assert refusal(file_of(photo(), "HEIF", exif=notes)) is None
    assert refusal(file_of(Image.new("RGB", SIZE, "white"), "HEIF") + bytes(100)) is None


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "YCbCr"])
@pytest.mark.parametrize("rows", [16, 1000])
def test_a_tiff_of_jpeg_strips_that_are_cut(rows, mode):
    size = rows * SIZE[0] * 4
    data = file_of(photo(mode), "TIFF", compression="jpeg", quality=97, strip_size=size)
    assert refusal(data) is None
    tags = Image.open(io.BytesIO(data)).tag_v2
    at, size = tags[273][-1], tags[279][-1]
    for share in (0.3, 0.7):
        kept = data[: at + int(size * share)].rstrip(b"\xff")
        lost = bytes(at + size - len(kept) - 2)
        for cut in (kept + END + lost, kept + lost + bytes(2)):
            assert refusal(cut + data[at + size :]) == "truncated"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "JPEG2000", "DICOM"])
def test_broken_bytes_raise_nothing_else(kind):
    whole = dicom(np.asarray(photo().resize((128, 96))).tobytes())
    data = whole if kind == "DICOM" else file_of(photo(), kind)
    dice = random.Random(11)
    for _try in range(40):
        broken = bytearray(data)
        for _byte in range(3):  # most of them where the headers are
            broken[dice.randrange(len(data) if dice.random() < 0.2 else 600)] = dice.choice(
                (0, 1, 255)
            )
        refusal(bytes(broken))
