"""Whatever colours a file means, the network and the page see what the eye saw."""

import io
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from ml.images import ImageError, decode
from tests.ml import colours as c

TRUTH = c.truth()
PROPHOTO = c.xyz_of(c.PROPHOTO, (0.3457, 0.3585))
LIMIT = 1.5  # of 255


def file_of(pixels: np.ndarray, kind: str, mode: str | None = None, **options) -> bytes:
    image = Image.fromarray(pixels)
    if mode == "P":
        image = image.quantize(256, dither=Image.Dither.NONE)
    elif mode:
        image = image.convert(mode)
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def error(data: bytes, right: np.ndarray = TRUTH) -> float:
    return float(np.abs(decode(data).astype(float) - right).mean())


def in_profile(matrix: np.ndarray, gamma: float) -> np.ndarray:
    """The truth as a profile's device values, 0 to 1."""
    device = np.linalg.inv(matrix) @ c.adapted(c.xyz_of(c.BT709))
    return (c.light(TRUTH) @ device.T).clip(0, 1) ** (1 / gamma)


WIDE = {
    "Display P3": (c.adapted(c.xyz_of(c.P3)), 2.2),
    "Adobe RGB": (c.adapted(c.xyz_of(c.ADOBE_RGB)), 2.19921875),
    "ProPhoto": (PROPHOTO, 1.8),
}


@pytest.mark.parametrize("profile", WIDE)
@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("JPEG", "RGB"),
        ("PNG", "RGB"),
        ("PNG", "RGBA"),
        ("TIFF", "RGB"),
        ("TIFF", "RGBA"),
        ("WEBP", "RGBA"),
        ("HEIF", "RGB"),
        ("HEIF", "RGBA"),
        ("AVIF", "RGB"),
        ("AVIF", "RGBA"),
    ],
)
def test_a_profile_counts_in_every_container(profile, kind, mode):
    matrix, gamma = WIDE[profile]
    pixels = c.quantised(in_profile(matrix, gamma))
    options = {"JPEG": {"quality": 97, "subsampling": 0}, "WEBP": {"lossless": True}}.get(
        kind, {"quality": 97, "subsampling": "4:4:4"} if kind == "AVIF" else {}
    )
    if kind == "HEIF":
        options = {"quality": 97, "chroma": 444}
    data = file_of(pixels, kind, mode, icc_profile=c.rgb_profile(matrix, gamma), **options)
    assert np.abs(pixels.astype(float) - TRUTH).mean() > 3  # without the profile
    assert error(data) < LIMIT


def test_a_profile_counts_in_a_palette():
    matrix, gamma = WIDE["ProPhoto"]
    pixels = np.asarray(
        Image.fromarray(c.quantised(in_profile(matrix, gamma))).quantize(256).convert("RGB")
    )
    data = file_of(pixels, "PNG", "P", icc_profile=c.rgb_profile(matrix, gamma))
    assert Image.open(io.BytesIO(data)).mode == "P"
    assert error(data) < LIMIT


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("gamma", [1.0, 1.8])
def test_a_profile_counts_in_sixteen_bits(channels, gamma):
    pixels = c.quantised(in_profile(PROPHOTO, gamma), 16)
    if channels == 4:
        pixels = np.dstack([pixels, np.full(pixels.shape[:2], 65535, np.uint16)])
    assert error(c.png(pixels, c.icc_chunk(c.rgb_profile(PROPHOTO, gamma)))) < LIMIT


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_a_grey_profile_counts(mode):
    grey = TRUTH[..., 1]
    signal = c.light(grey) ** (1 / 1.4)
    if mode == "I;16":
        data = c.png(c.quantised(signal, 16), c.icc_chunk(c.grey_profile(1.4)))
    else:
        data = file_of(c.quantised(signal), "PNG", mode, icc_profile=c.grey_profile(1.4))
    assert error(data, np.stack([grey] * 3, axis=2)) < LIMIT


def test_grey_with_a_profile_for_colours_follows_its_curve():
    """As photo programs store a picture that was made grey."""
    grey = TRUTH[..., 1]
    pixels = c.quantised(c.light(grey) ** (1 / 1.8))
    data = file_of(pixels, "JPEG", icc_profile=c.rgb_profile(PROPHOTO, 1.8), quality=97)
    assert error(data, np.stack([grey] * 3, axis=2)) < LIMIT


def test_a_profile_of_other_channels_is_passed_over():
    assert error(file_of(TRUTH, "PNG", icc_profile=c.grey_profile(1.4))) == 0


def test_a_profile_counts_in_jpeg_2000():
    matrix, gamma = WIDE["Display P3"]
    profile = c.rgb_profile(matrix, gamma)
    data = file_of(c.quantised(in_profile(matrix, gamma)), "JPEG2000")
    plain = b"colr\x01\0\0" + (16).to_bytes(4)  # enumerated: sRGB
    told = b"colr\x02\0\0" + profile
    at, grown = data.index(plain) - 4, len(told) - len(plain)
    header = data.index(b"jp2h") - 4
    data = data[:at] + (4 + len(told)).to_bytes(4) + told + data[at + 4 + len(plain) :]
    size = int.from_bytes(data[header : header + 4]) + grown
    assert error(data[:header] + size.to_bytes(4) + data[header + 4 :]) < LIMIT


def test_a_profile_counts_in_bmp():
    matrix, gamma = WIDE["Display P3"]
    profile, pixels = c.rgb_profile(matrix, gamma), c.quantised(in_profile(matrix, gamma))
    body = pixels[::-1, :, ::-1].tobytes()
    width, height = pixels.shape[1], pixels.shape[0]
    header = bytearray(124)
    header[:40] = b"".join(
        value.to_bytes(size, "little")
        for value, size in [
            (124, 4), (width, 4), (height, 4), (1, 2), (24, 2), (0, 4), (len(body), 4),
            (2835, 4), (2835, 4), (0, 4), (0, 4),
        ]
    )  # fmt: skip
    header[56:60] = b"DEBM"
    header[112:120] = (124 + len(body)).to_bytes(4, "little") + len(profile).to_bytes(4, "little")
    size = 14 + 124 + len(body) + len(profile)
    start = b"BM" + size.to_bytes(4, "little") + bytes(4) + (138).to_bytes(4, "little")
    assert error(start + bytes(header) + body + profile) < LIMIT


def test_cameras_set_to_adobe_rgb_say_it_without_a_profile():
    matrix, gamma = WIDE["Adobe RGB"]
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = 65535
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    data = file_of(
        c.quantised(in_profile(matrix, gamma)), "JPEG", quality=97, subsampling=0, exif=exif
    )
    assert Image.open(io.BytesIO(data)).getexif().get_ifd(0xA005)[1] == "R03"
    assert error(data) < LIMIT


def test_lab_is_read():
    from PIL import ImageCms

    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.profileToProfile(Image.fromarray(TRUTH), srgb, lab, outputMode="LAB")
    stream = io.BytesIO()
    image.save(stream, "TIFF")
    assert error(stream.getvalue()) < LIMIT


def test_transparency_is_laid_on_white_in_the_right_colours():
    matrix, gamma = WIDE["Display P3"]
    pixels = np.dstack([c.quantised(in_profile(matrix, gamma)), np.full(TRUTH.shape[:2], 128)])
    data = file_of(pixels.astype(np.uint8), "PNG", icc_profile=c.rgb_profile(matrix, gamma))
    assert error(data, TRUTH * (128 / 255) + 255 * (127 / 255)) < LIMIT


# High dynamic range, and colours told by numbers.

CURVES = {16: c.pq_curve, 18: c.hlg_curve, 13: c.srgb_curve, 8: lambda value: value}
PRIMARIES = {1: c.BT709, 9: c.BT2020, 12: c.P3}


def by_numbers(primaries: int, transfer: int, bits: int) -> np.ndarray:
    linear = c.in_primaries(c.light(TRUTH), PRIMARIES[primaries])
    return c.quantised(CURVES[transfer](linear), bits)


@pytest.mark.parametrize(
    ("primaries", "transfer", "bits"),
    [(9, 16, 16), (12, 16, 16), (9, 18, 16), (9, 16, 8), (9, 18, 8), (12, 13, 8), (9, 8, 16)],
)
def test_png_with_cicp(primaries, transfer, bits):
    pixels = by_numbers(primaries, transfer, bits)
    assert error(c.png(pixels, c.cicp_chunk(primaries, transfer))) < LIMIT
    opaque = np.full(pixels.shape[:2], 2**bits - 1)
    with_alpha = np.dstack([pixels, opaque]).astype(pixels.dtype)
    assert error(c.png(with_alpha, c.cicp_chunk(primaries, transfer))) < LIMIT


def test_png_with_the_values_of_television():
    narrow = (TRUTH / 255 * 219 + 16).round().astype(np.uint8)
    assert error(c.png(narrow, c.cicp_chunk(1, 13, full_range=0))) < LIMIT


def test_what_is_brighter_than_white_is_white():
    bright = np.full((40, 40, 3), 1.0) * [4, 4, 4]
    data = c.png(c.quantised(c.pq_curve(bright), 16), c.cicp_chunk(9, 16))
    assert decode(data).min() == 255


@pytest.mark.parametrize(("primaries", "transfer"), [(9, 16), (9, 18), (12, 16)])
def test_heic_of_ten_bits_with_high_dynamic_range(primaries, transfer):
    assert error(heic_of_ten_bits(primaries, transfer)) < LIMIT


def heic_of_ten_bits(primaries: int, transfer: int) -> bytes:
    pixels = by_numbers(primaries, transfer, 16)
    heif = pillow_heif.from_bytes("RGB;16", pixels.shape[1::-1], pixels.astype("<u2").tobytes())
    stream = io.BytesIO()
    heif.save(
        stream,
        quality=98,
        chroma=444,
        color_primaries=primaries,
        transfer_characteristics=transfer,
        matrix_coefficients=9,
        full_range_flag=1,
    )
    return stream.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_heic_with_p3_told_by_numbers_only(mode):
    data = file_of(
        by_numbers(12, 13, 8),
        "HEIF",
        mode,
        quality=98,
        chroma=444,
        color_primaries=12,
        transfer_characteristics=13,
        matrix_coefficients=6,
        full_range_flag=1,
    )
    assert error(data) < LIMIT


@pytest.mark.parametrize(("primaries", "transfer"), [(12, 13), (9, 18)])
def test_avif_with_colours_told_by_numbers_only(primaries, transfer):
    assert error(avif(by_numbers(primaries, transfer, 8), primaries, transfer)) < LIMIT


def avif(pixels: np.ndarray, primaries: int, transfer: int) -> bytes:
    data = file_of(pixels, "AVIF", quality=100, subsampling="4:4:4")
    at = data.index(b"nclx") + 4
    return data[:at] + primaries.to_bytes(2) + transfer.to_bytes(2) + data[at + 4 :]


def test_pq_in_eight_bits_is_refused_with_a_reason():
    """It can't tell dark colours apart: the standard wants ten."""
    with pytest.raises(ImageError, match="ordinary picture") as refused:
        decode(avif(by_numbers(9, 16, 8), 9, 16))
    assert refused.value.code == "too_few_bits"


def test_a_profile_counts_before_the_numbers_in_heic():
    matrix, gamma = WIDE["Display P3"]
    data = file_of(
        c.quantised(in_profile(matrix, gamma)),
        "HEIF",
        quality=98,
        chroma=444,
        icc_profile=c.rgb_profile(matrix, gamma),
        color_primaries=9,
        transfer_characteristics=16,
        matrix_coefficients=6,
        full_range_flag=1,
    )
    assert error(data) < LIMIT


# PNG's own chunks, and which of them counts (PNG, third edition, 12.1).

P3_PROFILE = c.icc_chunk(c.rgb_profile(*WIDE["Display P3"]))
WRONG = (c.gama_chunk(1), c.chrm_chunk(c.BT2020))


@pytest.mark.parametrize(
    ("signal", "chunks"),
    [
        (lambda: c.light(TRUTH), [c.gama_chunk(1)]),
        (lambda: c.light(TRUTH) ** (1 / 1.8), [c.gama_chunk(1 / 1.8)]),
        (
            lambda: c.in_primaries(c.light(TRUTH), c.ADOBE_RGB) ** (1 / 2.2),
            [c.gama_chunk(0.5), c.chrm_chunk(c.ADOBE_RGB)],
        ),
        (
            lambda: c.srgb_curve(c.in_primaries(c.light(TRUTH), c.P3)),
            [c.gama_chunk(0.45455), c.chrm_chunk(c.P3)],
        ),
        (lambda: TRUTH / 255, [c.gama_chunk(0.45455), c.chrm_chunk(c.BT709)]),
        (lambda: TRUTH / 255, [(b"sRGB", b"\0"), *WRONG]),
        (lambda: in_profile(*WIDE["Display P3"]), [P3_PROFILE, *WRONG]),
        (
            lambda: c.pq_curve(c.in_primaries(c.light(TRUTH), c.BT2020)),
            [c.cicp_chunk(9, 16), P3_PROFILE, *WRONG],
        ),
        # Unspecified: the next in order counts.
        (lambda: in_profile(*WIDE["Display P3"]), [c.cicp_chunk(2, 2), P3_PROFILE]),
    ],
    ids=[
        "linear", "gamma 1.8", "Adobe RGB", "P3", "sRGB by numbers", "sRGB", "iCCP", "cICP",
        "unspecified",
    ],
)  # fmt: skip
@pytest.mark.parametrize("bits", [8, 16])
def test_png_chunks_and_their_order(signal, chunks, bits):
    values = signal()
    if chunks[0] == c.gama_chunk(0.5):
        values = values ** (2.2 / 2.0)
    assert error(c.png(c.quantised(values, bits), *chunks)) < LIMIT


@pytest.mark.parametrize(
    "chunk", [c.gama_chunk(0), (b"cHRM", bytes(32)), (b"cICP", b"\1\x0d"), (b"cHRM", b"\1" * 32)]
)
def test_png_chunks_that_say_nothing_possible_are_passed_over(chunk):
    assert error(c.png(TRUTH, chunk)) < LIMIT


def test_an_hdr_picture_too_large_for_its_sixteen_bits_is_refused(monkeypatch):
    monkeypatch.setattr("ml.decoding.colour.HDR_MEGAPIXELS", 0.001)
    data = heic_of_ten_bits(9, 16)
    with pytest.raises(ImageError, match="HDR HEIC"):
        decode(data)


def test_a_profile_that_is_none_leaves_the_word_to_the_gamma():
    linear = c.light(c.truth())
    data = c.png(
        c.quantised(linear ** (1 / 1.8)), (b"iCCP", b"x\0\0" + zlib.compress(b"none" * 40)),
        c.gama_chunk(1 / 1.8),
    )  # fmt: skip
    assert error(data) < LIMIT
