"""Pictures of no lesion to measure the gate on: every one must be refused.

Made by other generators and from other seeds than those of ``ml.synthetic.negatives``, which
train it.
"""

import io
from collections.abc import Callable, Iterator
from importlib.resources import files

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ml import images

SIDE = 256
SEED = 5_2026
SKIN_SIDE = 0.36  # of a window of plain skin, as a share of the picture's side
SKIN_MARGIN = 0.04  # between that window and the lesion

Colour = tuple[int, int, int]
WORDS = [
    "the",
    "of",
    "and",
    "in",
    "that",
    "for",
    "it",
    "was",
    "with",
    "not",
    "have",
    "from",
    "words",
]


def made(count: int) -> Iterator[tuple[str, np.ndarray]]:
    """(kind, picture) for ``count`` pictures of each kind that is drawn here."""
    for number, (kind, draw) in enumerate(KINDS.items()):
        rng = np.random.default_rng([SEED, number])
        for _ in range(count):
            yield kind, np.asarray(draw(rng))


def samples() -> Iterator[tuple[str, np.ndarray]]:
    """(file name, picture) for the sample pictures that scikit-image's package carries."""
    for file in sorted(files("skimage.data").iterdir(), key=lambda f: f.name):
        if file.name.endswith((".png", ".jpg")):
            yield file.name, images.decode(io.BytesIO(file.read_bytes()))


def plain_skin(picture: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
    """The window of (h, w, 3) ``picture`` that lies farthest from its lesion, at SIDE; None where
    none is free of its ``mask`` (h, w) bool and a margin around it."""
    height, width = mask.shape
    side, margin = round(min(height, width) * SKIN_SIDE), round(min(height, width) * SKIN_MARGIN)
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return None
    best, corner = 0.0, None
    for top in np.linspace(0, height - side, 9).astype(int):
        for left in np.linspace(0, width - side, 9).astype(int):
            near = mask[max(0, top - margin) : top + side + margin,
                        max(0, left - margin) : left + side + margin]  # fmt: skip
            away = np.hypot(top + side / 2 - rows.mean(), left + side / 2 - columns.mean())
            if not near.any() and away > best:
                best, corner = away, (top, left)
    if corner is None:
        return None
    top, left = corner
    window = Image.fromarray(picture[top : top + side, left : left + side])
    return np.asarray(window.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def _colour(rng: np.random.Generator, low: int = 0, high: int = 256) -> Colour:
    return tuple(int(c) for c in rng.integers(low, high, 3))


def _plain(rng: np.random.Generator) -> np.ndarray:
    """One colour, half of the time a skin's, darker towards the corners as lenses make it."""
    skin = np.array([235, 190, 165]) * rng.uniform(0.25, 1.05)
    colour = skin if rng.random() < 0.5 else rng.integers(0, 256, 3)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    shade = 1 - rng.uniform(0, 0.25) * (x**2 + y**2)
    return (colour * shade[..., None]).clip(0, 255).astype(np.uint8)


def _gradient(rng: np.random.Generator) -> np.ndarray:
    """Round or turning colour ramps between three colours."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    x, y = x - rng.uniform(-0.6, 0.6), y - rng.uniform(-0.6, 0.6)
    ramp = np.hypot(x, y) / 2 if rng.random() < 0.5 else (np.arctan2(y, x) / np.pi + 1) / 2
    stops = rng.integers(0, 256, (3, 3))
    channels = [np.interp(ramp, [0, 0.5, 1], stops[:, c]) for c in range(3)]
    return np.stack(channels, axis=2).astype(np.uint8)


def _noise(rng: np.random.Generator) -> np.ndarray:
    """Noise whose power falls with the frequency as 1/f^a, from snow to clouds, in colour."""
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.fftfreq(SIDE)[None])
    frequency[0, 0] = 1
    exponent, contrast = rng.uniform(0, 2.5), rng.uniform(15, 70)
    spectrum = np.fft.fft2(rng.normal(size=(3, SIDE, SIDE))) / frequency**exponent
    fields = np.fft.ifft2(spectrum).real
    fields = (fields - fields.mean((1, 2), keepdims=True)) / fields.std((1, 2), keepdims=True)
    picture = rng.integers(60, 200, (3, 1, 1)) + contrast * fields
    return picture.transpose(1, 2, 0).clip(0, 255).astype(np.uint8)


def _clip_art(rng: np.random.Generator) -> Image.Image:
    """One flat, outlined icon on a flat ground: a star, flower, face, house, heart or arrow."""
    scale, size = 2, 2 * SIDE
    image = Image.new("RGB", (size, size), _colour(rng, 120))
    pen = ImageDraw.Draw(image)
    fill, line, stroke = _colour(rng), _colour(rng, 0, 90), int(rng.integers(2, 12)) * scale
    centre, radius = size / 2 + rng.uniform(-0.1, 0.1, 2) * size, rng.uniform(0.2, 0.42) * size
    (x, y), r = centre, radius

    def polygon(*points: tuple[float, float]) -> None:
        corners = [(x + r * dx, y + r * dy) for dx, dy in points]
        pen.polygon(corners, fill=fill)
        pen.line([*corners, corners[0]], line, stroke, joint="curve")

    def disc(dx: float, dy: float, part: float, colour: Colour | None) -> None:
        at = (x + r * (dx - part), y + r * (dy - part), x + r * (dx + part), y + r * (dy + part))
        pen.ellipse(at, fill=colour, outline=line, width=stroke)

    match rng.choice(["star", "flower", "face", "house", "heart", "arrow"]):
        case "star":
            turns = np.arange(10) * np.pi / 5
            reach = np.where(np.arange(10) % 2, 0.45, 1)
            polygon(*zip(reach * np.sin(turns), -reach * np.cos(turns), strict=True))
        case "flower":
            for turn in np.arange(6) * np.pi / 3:
                disc(0.6 * np.sin(turn), 0.6 * np.cos(turn), 0.38, fill)
            disc(0, 0, 0.35, _colour(rng))
        case "face":
            disc(0, 0, 1, fill)
            disc(-0.35, -0.3, 0.12, line)
            disc(0.35, -0.3, 0.12, line)
            pen.arc((x - r / 2, y - r / 3, x + r / 2, y + 0.6 * r), 20, 160, line, stroke)
        case "house":
            polygon((-0.8, -0.1), (0.8, -0.1), (0.8, 0.9), (-0.8, 0.9))
            polygon((-1, -0.1), (0, -1), (1, -0.1))
            polygon((-0.2, 0.9), (-0.2, 0.3), (0.2, 0.3), (0.2, 0.9))
        case "heart":
            t = np.linspace(0, 2 * np.pi, 60)
            heart = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
            polygon(*zip(np.sin(t) ** 3, -heart / 17, strict=True))
        case _:
            polygon((-1, -0.3), (0.2, -0.3), (0.2, -0.8), (1, 0), (0.2, 0.8), (0.2, 0.3), (-1, 0.3))
    return image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _sentence(rng: np.random.Generator, words: int) -> str:
    return " ".join(rng.choice(WORDS, words)).capitalize()


def _screenshot(rng: np.random.Generator) -> Image.Image:
    """A window of a program: a bar, a list with round icons, buttons; light or dark."""
    dark = rng.random() < 0.4
    ground, ink = ((24, 26, 30), (225, 225, 230)) if dark else ((250, 250, 252), (30, 30, 35))
    accent = _colour(rng, 30, 220)
    image = Image.new("RGB", (2 * SIDE, 2 * SIDE), ground)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, 2 * SIDE, 56), fill=accent)
    pen.text((20, 14), _sentence(rng, 2), "white", font_size=26)
    for top in range(76, 400, int(rng.integers(60, 110))):
        pen.ellipse((18, top, 58, top + 40), fill=_colour(rng, 60))
        pen.text((76, top), _sentence(rng, 3), ink, font_size=20)
        pen.text((76, top + 24), _sentence(rng, 7), (130, 130, 135), font_size=14)
    for left in (24, 190, 356):
        pen.rounded_rectangle((left, 440, left + 130, 490), 12, fill=accent)
        pen.text((left + 16, 452), _sentence(rng, 1), "white", font_size=20)
    return image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _document(rng: np.random.Generator) -> Image.Image:
    """A printed letter with a table or a chart, photographed askew in uneven light."""
    size = 3 * SIDE
    page = Image.new("RGB", (size, size), (250, 248, 242))
    pen = ImageDraw.Draw(page)
    pen.text((60, 50), _sentence(rng, 4), "black", font_size=int(rng.integers(34, 52)))
    for top in range(140, 420, 26):
        pen.text((60, top), _sentence(rng, 12), (40, 40, 40), font_size=17)
    if rng.random() < 0.5:
        for top in range(460, 700, 40):
            pen.line((60, top, 700, top), "black", 2)
            for left in (70, 300, 520):
                pen.text((left, top + 8), str(rng.integers(1, 9999)), "black", font_size=20)
    else:
        for left in range(80, 680, 70):
            pen.rectangle((left, 700 - rng.integers(20, 230), left + 44, 700), fill=_colour(rng))
    turned = page.rotate(rng.uniform(-12, 12), Image.Resampling.BICUBIC, fillcolor=(90, 70, 55))
    small = np.asarray(turned.resize((SIDE, SIDE), Image.Resampling.LANCZOS), np.float64)
    light = np.linspace(rng.uniform(0.6, 1), rng.uniform(0.6, 1), SIDE)[:, None, None]
    picture = small * light * [1, rng.uniform(0.9, 1), rng.uniform(0.75, 1)]
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(rng.uniform(0, 1))
    )


KINDS: dict[str, Callable[[np.random.Generator], np.ndarray | Image.Image]] = {
    "plain_colour": _plain,
    "gradient": _gradient,
    "noise": _noise,
    "clip_art": _clip_art,
    "screenshot": _screenshot,
    "document": _document,
}
