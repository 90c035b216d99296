"""Files as people have them: what is read, what is named and refused, and where the limits lie."""

import io
import random
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image, TiffImagePlugin
from PIL.PngImagePlugin import PngInfo
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    RLELossless,
)

from ml.decoding import kinds
from ml.images import ImageError, decode
from ml.sandbox import Sandbox
from tests.ml import colours
from tests.ml.files import TRUTH, bitmap, dicom, file_of
from tests.ml.greedy import store


def error(data: bytes) -> float:
    return float(np.abs(decode(data).astype(float) - TRUTH).mean())


def refusal(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as refused:
        decode(data)
    return refused.value


@pytest.mark.parametrize("kind", [kind for kind in kinds.KINDS if kind.name != "DICOM"])
def test_every_kind_is_read(kind):
    for name in kind.formats:
        assert error(file_of(Image.fromarray(TRUTH), name)) < 4


def test_readme_names_every_kind():
    readme = Path("README.md").read_text()
    assert kinds.NAMES in readme


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "jpeg", "packbits"])
def test_tiff_as_scanners_and_microscopes_write_it(compression):
    assert error(file_of(Image.fromarray(TRUTH), "TIFF", compression=compression)) < 4


def test_tiff_with_a_preview_is_one_picture_with_pages_several():
    small = Image.fromarray(TRUTH).resize((32, 32))
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[254] = 1  # a reduced version of another
    small.encoderinfo = {"tiffinfo": info}
    first = Image.fromarray(TRUTH)
    assert error(file_of(first, "TIFF", save_all=True, append_images=[small])) == 0
    pages = file_of(first, "TIFF", save_all=True, append_images=[first.rotate(180)])
    assert refusal(pages).code == "several_pictures"


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"hevc", b"msf1", b"mif1"])
def test_heic_under_every_brand_that_phones_write(brand):
    data = file_of(Image.fromarray(TRUTH), "HEIF", quality=95)
    assert error(data[:8] + brand + data[12:]) < 4


# Bitmaps.


@pytest.mark.parametrize("alpha", ["empty", "used"])
def test_a_bitmap_with_an_alpha_channel_of_zeros_is_opaque(alpha):
    values = np.zeros(TRUTH.shape[:2], np.uint8)
    if alpha == "used":
        values[:, :64] = 255
    body = np.dstack([TRUTH[..., ::-1], values])[::-1].tobytes()
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack(
        "<IiiHHIIiiII", 108, 128, 96, 1, 32, 3, len(body), 0, 0, 0, 0
    ) + masks + b"BGRs" + bytes(48)  # fmt: skip
    start = struct.pack("<2sIHHI", b"BM", 14 + len(header) + len(body), 0, 0, 14 + len(header))
    picture = decode(start + header + body)
    assert (picture[:, :64] == TRUTH[:, :64]).all()
    assert (picture[:, 64:] == (255 if alpha == "used" else TRUTH[:, 64:])).all()


def run_length(indexes: np.ndarray, half_bytes: bool, seed: int) -> bytes:
    """Runs, values as they are, steps aside over zeros and ends of rows, as the dice say."""
    dice, body = random.Random(seed), bytearray()
    for row in indexes[::-1].tolist():
        at = 0
        while at < len(row):
            left, choice = len(row) - at, dice.random()
            if not any(row[at:]) and choice < 0.5:
                break
            run = next((n for n in range(left) if row[at + n] != row[at]), left)
            if row[at] == 0 and choice < 0.3:
                body += bytes((0, 2, min(run, 255), 0))
                at += min(run, 255)
            elif choice < 0.6 and left >= 3:
                count = min(left, dice.randint(3, 40))
                values = row[at : at + count]
                if half_bytes:
                    values = [*values, 0] if count % 2 else values
                    values = [a << 4 | b for a, b in zip(values[::2], values[1::2], strict=True)]
                body += bytes((0, count)) + bytes(values) + bytes(len(values) % 2)
                at += count
            else:
                count = min(run, 255)
                body += bytes((count, row[at] * 17 if half_bytes else row[at]))
                at += count
        body += b"\0\0"
    return bytes(body + b"\0\1")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("half_bytes", [False, True])
def test_run_lengths_give_the_same_picture(seed, half_bytes):
    colours_of = 16 if half_bytes else 256
    drawn = Image.fromarray(TRUTH).resize((131, 97)).quantize(colours_of)
    indexes = np.asarray(drawn).copy()
    indexes[:, :20] = 0
    drawn = Image.fromarray(indexes)
    palette = Image.fromarray(TRUTH).quantize(colours_of).getpalette()
    drawn.putpalette(palette)
    table = b"".join(bytes((*palette[i : i + 3][::-1], 0)) for i in range(0, len(palette), 3))
    table = table.ljust(4 * colours_of, b"\0")
    body = run_length(indexes, half_bytes, seed)
    data = bitmap(131, 97, 4 if half_bytes else 8, body, table)
    assert (decode(data) == np.asarray(drawn.convert("RGB"))).all()


# Orientation and text.

SIDEWAYS = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_an_orientation_that_browsers_pass_over_does_not_turn_the_stored_picture(kind):
    """Told in XMP only: the preview lies as the file does, and so does what is stored."""
    options = {"xmp": SIDEWAYS}
    if kind == "PNG":
        options = {"pnginfo": PngInfo()}
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", SIDEWAYS.decode())
    assert decode(file_of(Image.fromarray(TRUTH), kind, **options)).shape == TRUTH.shape


@pytest.mark.parametrize("name", [b"tEXt", b"zTXt", b"tIME", b"pHYs", b"iTXt"])
@pytest.mark.parametrize("place", ["before", "after"])
def test_png_with_a_broken_extra_is_read(name, place):
    data = colours.png(TRUTH)
    extra = bytearray(colours.chunk(name, b"Comment\0a mole"))
    extra[-1] ^= 0xFF
    at = data.index(b"IDAT" if place == "before" else b"IEND") - 4
    assert error(data[:at] + bytes(extra) + data[at:]) == 0


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 3_000_000)),
        (b"zTXt", b"Comment\0\x07of another method"),
        (b"gAMA", b"\0"),
        (b"cHRM", b"\0\0"),
        (b"sRGB", b""),
        (b"pHYs", b"\0\0\0"),
    ],
)
def test_png_with_an_extra_of_another_size_is_read(name, data):
    whole = colours.png(TRUTH)
    at = whole.index(b"IDAT") - 4
    assert error(whole[:at] + colours.chunk(name, data) + whole[at:]) == 0


def test_png_with_something_after_its_end_is_read():
    whole = bytearray(colours.png(TRUTH))
    at = whole.index(b"IDAT") - 4
    broken = bytearray(colours.chunk(b"tEXt", b"Comment\0a mole"))
    broken[-1] ^= 0xFF
    assert error(bytes(whole[:at] + broken + whole[at:]) + b"something else" * 3) == 0


@pytest.mark.parametrize("place", [b"IDAT", b"IEND"])
def test_png_is_not_turned_by_notes_of_a_camera_in_its_text(place):
    whole = colours.png(TRUTH)
    at = whole.index(place) - 4
    note = colours.chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + SIDEWAYS)
    assert decode(whole[:at] + note + whole[at:]).shape == TRUTH.shape


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "TIFF", "JPEG2000"])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_file_that_is_cut_is_damaged_and_not_of_another_kind(kind, share):
    data = file_of(Image.fromarray(TRUTH), kind)
    assert refusal(data[: int(len(data) * share)]).code == "truncated"


def test_png_with_broken_pixels_is_damaged():
    data = bytearray(colours.png(TRUTH))
    data[data.index(b"IDAT") + 60] ^= 0xFF
    assert refusal(bytes(data)).code == "truncated"


# DICOM.


def compressed(kind: str, **options) -> bytes:
    return encapsulate([file_of(Image.fromarray(TRUTH), kind, **options)])


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_dicom_of_many_bits_is_rounded_down_so_that_a_stored_one_is_known_again(bits):
    most = 2**bits - 1
    samples = np.linspace(0, most, 3 * 256 * 256).astype(np.uint16).reshape(256, 256, 3)
    stored_in = {"BitsAllocated": 16, "BitsStored": bits, "HighBit": bits - 1}
    file = dicom(samples.tobytes(), Rows=256, Columns=256, **stored_in)
    expected = samples.astype(np.uint64) * 255 // most
    assert np.array_equal(decode(io.BytesIO(file)), expected)


DICOMS = {
    "raw": lambda: dicom(TRUTH.tobytes()),
    "planes": lambda: dicom(TRUTH.transpose(2, 0, 1).tobytes(), PlanarConfiguration=1),
    "JPEG": lambda: dicom(
        compressed("JPEG", quality=97, subsampling=0),
        JPEGBaseline8Bit,
        PhotometricInterpretation="YBR_FULL_422",
    ),
    "JPEG in RGB": lambda: dicom(compressed("JPEG", quality=97, keep_rgb=True), JPEGBaseline8Bit),
    "JPEG 2000": lambda: dicom(
        compressed("JPEG2000", no_jp2=True), JPEG2000Lossless, PhotometricInterpretation="YBR_RCT"
    ),
    "Display P3": lambda: dicom(
        p3_pixels().tobytes(),
        ICCProfile=colours.display_p3_profile(),
    ),
}


def p3_pixels() -> np.ndarray:
    return colours.quantised(colours.in_primaries(colours.light(TRUTH), colours.P3) ** (1 / 2.2))


@pytest.mark.parametrize("name", DICOMS)
def test_dicom(name):
    assert error(DICOMS[name]()) < 1.5


def without_pixels(data: bytes) -> bytes:
    file = pydicom.dcmread(io.BytesIO(data))
    del file.PixelData
    stream = io.BytesIO()
    file.save_as(stream)
    return stream.getvalue()


def test_dicom_with_a_run_length_of_its_own():
    file = pydicom.dcmread(io.BytesIO(DICOMS["raw"]()))
    file.compress(RLELossless)
    stream = io.BytesIO()
    file.save_as(stream)
    assert error(stream.getvalue()) == 0


@pytest.mark.parametrize(
    ("file", "code", "sentence"),
    [
        (lambda: dicom(TRUTH.tobytes() * 2, NumberOfFrames=2), "several_pictures", "one of them"),
        (
            lambda: dicom(encapsulate([b"\xff\xd8\xff\xc3" + bytes(60)]), JPEGLosslessSV1),
            "not_a_picture",
            "uncompressed or as JPEG",
        ),
        (lambda: dicom(TRUTH.tobytes(), Rows=9000, Columns=9000), "too_many_pixels", "DICOM"),
        (lambda: dicom(TRUTH.tobytes()[:-500]), "truncated", "damaged"),
        (lambda: DICOMS["JPEG"]()[:-200], "truncated", "damaged"),
        (lambda: without_pixels(DICOMS["raw"]()), "no_picture", "no picture"),
    ],
)
def test_dicom_that_can_not_be_used_says_why(file, code, sentence):
    refused = refusal(file())
    assert refused.code == code
    assert sentence in str(refused)


def in_colours(name: str, mode: str = "RGB", kind: str = "", syntax: str = "", **options) -> bytes:
    """A DICOM file that says so of its colours, raw or with a file of another kind inside."""
    image = Image.fromarray(TRUTH).convert(mode)
    planes = Image.fromarray(np.asarray(image))  # whatever the colours stand for
    samples = {"PhotometricInterpretation": name, "SamplesPerPixel": len(planes.getbands())}
    if kind:
        return dicom(encapsulate([file_of(planes, kind, **options)]), syntax, **samples)
    return dicom(planes.tobytes(), **samples)


@pytest.mark.parametrize(
    "file",
    [
        lambda: in_colours("HSV", "HSV"),
        lambda: in_colours("YBR_RCT", "YCbCr"),
        lambda: in_colours("YBR_FULL", "YCbCr", "JPEG2000", JPEG2000Lossless, no_jp2=True, mct=0),
        lambda: in_colours("MONOCHROME1", "L", "JPEG", JPEGBaseline8Bit),
    ],
)
def test_dicom_whose_colours_would_be_taken_for_others_is_refused(file):
    """What is red would be blue, or dark be light."""
    refused = refusal(file())
    assert refused.code == "not_a_picture"
    assert "Export it in RGB, or as JPEG." in str(refused)


@pytest.mark.parametrize("name", ["YBR_FULL", "MONOCHROME1", "MONOCHROME2"])
def test_dicom_in_other_colours_that_are_known_is_read(name):
    data = in_colours(name, "YCbCr" if name == "YBR_FULL" else "L")
    grey = np.asarray(Image.fromarray(TRUTH).convert("L").convert("RGB"))
    truth = {"YBR_FULL": TRUTH, "MONOCHROME1": 255 - grey, "MONOCHROME2": grey}[name]
    assert np.abs(decode(data).astype(float) - truth).mean() < 1.5


def sixteen_bits_in_a_profile() -> bytes:
    pixels = np.zeros((5000, 5000, 3), np.uint16)
    return colours.png(pixels, colours.icc_chunk(colours.display_p3_profile()))


def dicom_with_a_palette() -> bytes:
    palette = {}
    for name in ("Red", "Green", "Blue"):
        palette[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        palette[f"{name}PaletteColorLookupTableData"] = bytes(512)
    elements = {"PhotometricInterpretation": "PALETTE COLOR", "SamplesPerPixel": 1}
    return dicom(bytes(5000 * 5000), Rows=5000, Columns=5000, **elements, **palette)


@pytest.mark.parametrize("file", [sixteen_bits_in_a_profile, dicom_with_a_palette])
def test_the_largest_that_take_most_memory_are_read(file):
    taken = Sandbox(at_once=1, waiting=0).call(store, file)
    assert Image.open(io.BytesIO(taken)).size == (2048, 2048)


# What is not read.


@pytest.mark.parametrize(
    ("start", "code", "words"),
    [
        (b"\xff\x0a", "not_a_picture", "JPEG XL file"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "not_a_picture", "JPEG XL file"),
        (b"%PDF-1.7", "not_a_picture", "PDF file"),
        (b"<svg xmlns=", "not_a_picture", "SVG file"),
        (b"PK\x03\x04", "not_a_picture", "ZIP file"),
        (b"\0\0\0\x18ftypmp42", "video", "a video"),
        (b"\0\0\0\x14ftypqt  ", "video", "a video"),
        (b"FUJIFILMCCD-RAW ", "camera_raw", "raw file"),
        (b"II*\0\x10\0\0\0CR\x02\0", "camera_raw", "raw file"),
        (b"hello", "not_a_picture", re.escape(kinds.NAMES)),
    ],
)
def test_what_is_not_read_is_named(start, code, words):
    refused = refusal(start + bytes(400))
    assert refused.code == code
    assert re.search(words, str(refused))


def test_the_small_preview_in_a_raw_file_is_not_taken_for_the_picture():
    for tag, value in ((254, 1), (50706, b"\1\4\0\0")):
        info = TiffImagePlugin.ImageFileDirectory_v2()
        info[tag] = value
        info.tagtype[tag] = 1 if isinstance(value, bytes) else 4
        assert refusal(file_of(Image.fromarray(TRUTH), "TIFF", tiffinfo=info)).code == "camera_raw"


# Limits by cost.


@pytest.mark.parametrize("size", [(12000, 9000), (16320, 12240)])
def test_the_largest_jpegs_of_phones_are_decoded_at_a_fraction(size):
    picture = decode(file_of(Image.new("L", size, 180), "JPEG", quality=30))
    assert max(picture.shape) <= 2 * 2048 + 64
    assert picture.shape[1] / picture.shape[0] == pytest.approx(4 / 3, abs=0.01)
    assert picture.mean() == pytest.approx(180, abs=2)


@pytest.mark.parametrize("width", [2047, 4095, 4096, 8191])
def test_large_jpeg_2000_is_decoded_at_a_fraction(width):
    picture = decode(file_of(Image.new("RGB", (width, 160), (200, 150, 120)), "JPEG2000"))
    assert picture.shape[1] in (width, -(-width // 2), -(-width // 4))
    assert picture.mean((0, 1)) == pytest.approx((200, 150, 120), abs=1)


def test_jpeg_2000_that_holds_no_smaller_sizes_is_decoded():
    image = Image.new("RGB", (4200, 160), (200, 150, 120))
    picture = decode(file_of(image, "JPEG2000", num_resolutions=1))
    assert picture.mean((0, 1)) == pytest.approx((200, 150, 120), abs=1)


def test_the_largest_heic_of_phones_is_within_the_limit():
    heic = kinds.of("HEIF")
    kinds.check_size(heic, 8192, 6144)
    with pytest.raises(ImageError, match="more than 51 megapixels, the limit for HEIC"):
        kinds.check_size(heic, 8192, 6300)
