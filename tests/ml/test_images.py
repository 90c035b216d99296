"""What phones, scanners and hostile senders call a picture."""

import numpy as np
import pytest
from PIL import Image, ImageCms

from ml.images import ImageError, decode
from tests.ml.files import file_of


@pytest.fixture
def skin() -> Image.Image:
    return Image.new("RGB", (120, 80), (210, 170, 150))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_broken_metadata_does_not_lose_the_picture(skin, kind):
    broken = b"Exif\x00\x00II*\x00\xff\xff\xff\xff broken"
    assert decode(file_of(skin, kind, exif=broken)).shape == (80, 120, 3)


def test_a_phone_jpeg_with_a_second_still_is_a_picture(skin):
    data = file_of(skin, "MPO", save_all=True, append_images=[skin.resize((60, 40))])
    assert decode(data).shape == (80, 120, 3)


def test_what_moves_is_refused(skin):
    frames = [Image.new("RGB", skin.size, colour) for colour in ("red", "green")]
    for kind in ("GIF", "WEBP", "PNG"):
        with pytest.raises(ImageError) as error:
            decode(file_of(skin, kind, save_all=True, append_images=frames))
        assert error.value.code == "animated", kind


def test_sixteen_bits_of_grey_are_not_clipped_to_white():
    ramp = np.linspace(0, 65535, 120 * 80).reshape(80, 120).astype(np.uint16)
    picture = decode(file_of(Image.fromarray(ramp), "PNG"))
    assert picture[0, 0, 0] == 0
    assert picture.mean() == pytest.approx(127, abs=2)


def test_colours_of_another_profile_are_converted(skin):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    same = decode(file_of(skin, "PNG", icc_profile=lab))
    assert same.mean((0, 1)) == pytest.approx((210, 170, 150), abs=2)
    assert decode(file_of(skin, "PNG", icc_profile=b"broken")).shape == (80, 120, 3)


def test_the_orientation_is_applied(skin):
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode(file_of(skin, "JPEG", exif=exif)).shape == (120, 80, 3)


@pytest.mark.parametrize(
    ("kind", "size", "limit"),
    [
        ("PNG", (5100, 5000), "25 megapixels, the limit for PNG"),
        ("WEBP", (5100, 5000), "25 megapixels, the limit for WebP"),
        ("BMP", (5100, 5000), "25 megapixels, the limit for BMP"),
        ("TIFF", (5100, 5000), "25 megapixels, the limit for TIFF"),
        ("JPEG", (8100, 8000), "64 megapixels, the limit for progressive JPEG"),
    ],
)
def test_what_fills_memory_is_refused_before_it_is_decoded(kind, size, limit):
    with pytest.raises(ImageError, match=f"more than {limit}") as error:
        decode(file_of(Image.new("L", size), kind, progressive=True))
    assert error.value.code == "too_many_pixels"


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
def test_large_pictures_are_reduced_early_and_look_the_same(mode):
    large = Image.new(mode, (4200, 120), 200 if mode == "L" else (200, 180, 160, 255)[: len(mode)])
    picture = decode(file_of(large, "PNG"))
    assert picture.shape == (60, 2100, 3)
    part = decode(file_of(large.crop((0, 0, 40, 40)), "PNG"))
    assert picture.mean((0, 1)) == pytest.approx(part.mean((0, 1)), abs=1)
