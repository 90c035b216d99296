"""Twelve pictures that should fool the model, made here on rendered skin and a rendered lesion."""

import functools
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ml.synthetic import phantoms

SIDE = 512


@functools.cache
def lesion() -> Image.Image:
    return phantoms.render("irregular_mole", SIDE)


@functools.cache
def small_lesion() -> Image.Image:
    return phantoms.render("even_mole", SIDE)


@functools.cache
def skin() -> Image.Image:
    """A corner of a phantom that its mole leaves free."""
    return phantoms.render("even_mole", 2 * SIDE).crop((0, 0, 340, 340)).resize((SIDE, SIDE))


def _shaded(image: Image.Image, centre: tuple[float, float], radius: float, colour, gloss: float):
    """A disc lit from above left, with its shadow."""
    y, x = (np.mgrid[0:SIDE, 0:SIDE] + 0.5) / SIDE
    u, v = (x - centre[0]) / radius, (y - centre[1]) / radius
    inside = 1 / (1 + np.exp((np.hypot(u, v) - 1) * radius * SIDE / 1.2))[..., None]
    shadow = np.exp(-np.maximum(np.hypot(u - 0.08, v - 0.1) - 1, 0) / 0.08)[..., None]
    light = 1 + gloss * np.exp(-((u + 0.4) ** 2 + (v + 0.45) ** 2) * 4)[..., None]
    light = light - 0.25 * (u + v)[..., None] * 0.4
    rgb = np.asarray(image, np.float64) * (1 - 0.35 * shadow)
    rgb = rgb * (1 - inside) + inside * np.array(colour) * light
    return Image.fromarray(rgb.clip(0, 255).astype(np.uint8))


def coin() -> Image.Image:
    image = _shaded(skin(), (0.5, 0.5), 0.3, (176, 141, 87), 0.5)
    pen = ImageDraw.Draw(image)
    middle, rim = SIDE / 2, 0.27 * SIDE
    for turn in np.arange(0, 2 * np.pi, 0.07):
        x, y = middle + rim * np.cos(turn), middle + rim * np.sin(turn)
        pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=(120, 92, 52))
    pen.text((middle, middle - 20), "50", (112, 84, 46), font_size=130, anchor="mm")
    pen.text((middle, middle + 75), "CENT 2019", (112, 84, 46), font_size=34, anchor="mm")
    return image.filter(ImageFilter.GaussianBlur(0.8))


def button() -> Image.Image:
    image = _shaded(skin(), (0.48, 0.52), 0.24, (70, 52, 44), 0.9)
    pen = ImageDraw.Draw(image)
    x, y, r = 0.48 * SIDE, 0.52 * SIDE, 0.24 * SIDE
    pen.ellipse(
        (x - 0.78 * r, y - 0.78 * r, x + 0.78 * r, y + 0.78 * r), outline=(40, 28, 22), width=6
    )
    for dx in (-0.24, 0.24):
        for dy in (-0.24, 0.24):
            at = (x + dx * r - 9, y + dy * r - 9, x + dx * r + 9, y + dy * r + 9)
            pen.ellipse(at, fill=(12, 8, 8))
    return image.filter(ImageFilter.GaussianBlur(0.8))


def drawn_circle() -> Image.Image:
    image = skin()
    ImageDraw.Draw(image).ellipse((150, 140, 370, 362), outline=(30, 40, 120), width=9)
    return image.filter(ImageFilter.GaussianBlur(1))


def nipple() -> Image.Image:
    y, x = (np.mgrid[0:SIDE, 0:SIDE] + 0.5) / SIDE - 0.5
    radius = np.hypot(x, y * 1.05)
    areola = 1 / (1 + np.exp((radius - 0.27) / 0.025))[..., None]
    bumps = np.random.default_rng(3).normal(size=(40, 40)).astype(np.float32)
    grain = np.asarray(Image.fromarray(bumps).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    rgb = np.asarray(skin(), np.float64)
    rgb = rgb * (1 - 0.6 * areola) + 0.6 * areola * ([186, 112, 100] + 9 * grain[..., None])
    image = Image.fromarray(rgb.clip(0, 255).astype(np.uint8))
    return _shaded(image, (0.5, 0.5), 0.085, (176, 98, 88), 0.25)


def screenshot_with_text() -> Image.Image:
    image = Image.new("RGB", (SIDE, SIDE), (250, 250, 252))
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, SIDE, 56), fill=(24, 92, 160))
    pen.text((20, 14), "Skin forum - is this bad?", "white", font_size=26)
    image.paste(lesion().resize((230, 230)), (20, 80))
    for row, words in enumerate(
        ["posted by anna, 2 h ago", "It itches since May.", "Help please!"]
    ):
        pen.text((266, 90 + 40 * row), words, (40, 40, 45), font_size=21)
    for top in range(340, 500, 34):
        pen.text(
            (20, top),
            "Re: looks like my aunt's, she had it cut out last year",
            (70, 70, 75),
            font_size=18,
        )
    return image


def behind_glare() -> Image.Image:
    y, x = (np.mgrid[0:SIDE, 0:SIDE] + 0.5) / SIDE - 0.5
    spot = np.exp(-((((x + 0.03) / 0.34) ** 2 + ((y + 0.02) / 0.28) ** 2) ** 2))[..., None]
    rgb = np.asarray(lesion(), np.float64) * (1 - spot) + 255 * spot
    return Image.fromarray(rgb.astype(np.uint8))


def _hidden(box: tuple[int, int, int, int], colour: tuple[int, int, int]) -> Image.Image:
    """The lesion under an ellipse of one colour, whose edge alone is soft."""
    image, over = lesion().copy(), Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(over).ellipse(box, fill=255)
    image.paste(colour, mask=over.filter(ImageFilter.GaussianBlur(2)))
    return image


def glare_on_a_part() -> Image.Image:
    """A flash, mirrored by a seventh of the lesion."""
    return _hidden((205, 195, 300, 280), (255, 255, 255))


def blot() -> Image.Image:
    """Ink on the middle of the lesion."""
    return _hidden((190, 190, 320, 320), (34, 44, 120))


def half() -> Image.Image:
    return lesion().crop((SIDE // 2, 0, SIDE, SIDE // 2)).resize((SIDE, SIDE))


def two() -> Image.Image:
    one = small_lesion().crop((96, 0, 416, SIDE)).resize((SIDE // 2, SIDE))
    image = Image.new("RGB", (SIDE, SIDE))
    image.paste(one, (0, 0))
    image.paste(one.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (SIDE // 2, 0))
    return image


def blurred() -> Image.Image:
    return lesion().filter(ImageFilter.GaussianBlur(SIDE / 40))


def hairy() -> Image.Image:
    """The lesion between sixty dark hairs."""
    image, rng = lesion().copy(), np.random.default_rng(5)
    for x, y, lean in zip(*rng.integers(0, SIDE, (2, 60)), rng.integers(-90, 90, 60), strict=True):
        line = (int(x), int(y) - 200, int(x + lean), int(y) + 200)
        ImageDraw.Draw(image).line(line, fill=(30, 20, 15), width=4)
    return image.filter(ImageFilter.GaussianBlur(0.7))


def pen_circle() -> Image.Image:
    image = small_lesion().copy()
    ImageDraw.Draw(image).ellipse((120, 130, 390, 400), outline=(40, 50, 140), width=8)
    return image.filter(ImageFilter.GaussianBlur(0.8))


PICTURES: dict[str, Callable[[], Image.Image]] = {
    f.__name__: f
    for f in (
        coin, button, drawn_circle, nipple, screenshot_with_text,
        behind_glare, glare_on_a_part, blot, half, two, blurred, hairy, pen_circle,
    )
}  # fmt: skip
