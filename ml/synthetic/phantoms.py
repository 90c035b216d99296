"""Lesion phantoms: pictures that our own code renders, for trying the program.

They are not pictures of people, and serve no training, no threshold and no figure.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

PHANTOMS = {
    "even_mole": "A phantom: a small round mole of one even brown",
    "irregular_mole": "A phantom: a large mole of several colours with a ragged edge",
    "crusty_patch": "A phantom: a pink, scaly patch without a sharp edge",
}
SIZE = 768  # the parameters below are in units of the picture's side


def render(name: str, size: int = SIZE) -> Image.Image:
    """Render one phantom, always the same. Raises KeyError for a name not in PHANTOMS."""
    lesion = _LESIONS[name]
    rng = np.random.default_rng([2026, list(PHANTOMS).index(name)])
    y, x = (np.mgrid[0:size, 0:size] + 0.5) / size - 0.5
    rgb = lesion(_skin(rng, size, *_TONES[name]), rng, size, x, y)
    rgb = _light(rgb, rng, x, y)
    picture = _hairs(Image.fromarray(_to_bytes(rgb)), rng, _HAIRS[name])
    picture = picture.filter(ImageFilter.GaussianBlur(size / 1400))
    noisy = np.asarray(picture) / 255 + rng.normal(0, 0.008, (size, size, 1))
    return Image.fromarray(_to_bytes(noisy))


_TONES = {
    "even_mole": ((0.87, 0.70, 0.60), 0.030),
    "irregular_mole": ((0.84, 0.65, 0.56), 0.032),
    "crusty_patch": ((0.86, 0.67, 0.58), 0.040),
}
_HAIRS = {"even_mole": 4, "irregular_mole": 7, "crusty_patch": 3}


def _noise(rng: np.random.Generator, size: int, cells: float) -> np.ndarray:
    """Smooth noise of about ``cells`` cells a side: mean 0, standard deviation 1."""
    n = max(4, round(cells))
    coarse = Image.fromarray(rng.normal(size=(n + 2, n + 2)).astype(np.float32))
    fine = np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC))
    return (fine - fine.mean()) / fine.std()


def _fractal(rng: np.random.Generator, size: int, cells: float, octaves: int) -> np.ndarray:
    total = sum(_noise(rng, size, cells * 2**i) / 1.7**i for i in range(octaves))
    return (total - total.mean()) / total.std()


def _ridges(rng: np.random.Generator, size: int, cells: float, width: float = 0.16) -> np.ndarray:
    """Lines between cells, 0–1, 1 on a line: skin's furrows, or a pigment network."""
    grid = round(cells)
    full, size = size, size // 2  # half the resolution: soft lines, a quarter of the time
    points = (np.mgrid[0:grid, 0:grid].reshape(2, -1).T + 0.5) / grid
    points = points + rng.uniform(-0.42, 0.42, points.shape) / grid
    # The two nearest points of each pixel, among the 9 cells around it.
    padded = np.full((grid + 2, grid + 2, 2), 9.0)
    padded[1:-1, 1:-1] = points.reshape(grid, grid, 2)
    y, x = (np.mgrid[0:size, 0:size] + 0.5) / size
    warp = 0.25 / grid
    y, x = y + warp * _noise(rng, size, cells / 2), x + warp * _noise(rng, size, cells / 2)
    row = np.clip((y * grid).astype(int), 0, grid - 1)
    column = np.clip((x * grid).astype(int), 0, grid - 1)
    nearest, second = np.full((size, size), 9.0), np.full((size, size), 9.0)
    for dy in range(3):
        for dx in range(3):
            point = padded[row + dy, column + dx]
            distance = np.hypot(point[..., 0] - y, point[..., 1] - x) * grid
            second = np.minimum(second, np.maximum(nearest, distance))
            nearest = np.minimum(nearest, distance)
    lines = np.exp(-(((second - nearest) / width) ** 2)).astype(np.float32)
    picture = Image.fromarray(lines).resize((full, full), Image.Resampling.BICUBIC)
    return np.asarray(picture)


def _skin(rng: np.random.Generator, size: int, tone: tuple, roughness: float) -> np.ndarray:
    rgb = np.ones((size, size, 3)) * tone
    # Blood and melanin vary independently, each with its own colour.
    rgb *= 1 + 0.016 * _fractal(rng, size, 9, 5)[..., None] * [0.2, 0.9, 0.8]
    rgb *= 1 + 0.016 * _fractal(rng, size, 12, 5)[..., None] * [0.6, 0.8, 1.0]
    furrows = np.maximum(_ridges(rng, size, 44), 0.6 * _ridges(rng, size, 90))
    rgb *= 1 - roughness * 1.6 * (furrows * (0.7 + 0.3 * _noise(rng, size, 8)))[..., None]
    rgb *= 1 + roughness * 0.5 * _noise(rng, size, size / 5)[..., None]
    pores = np.clip(_noise(rng, size, 120) - 2.3, 0, 1)[..., None]
    return rgb * (1 - 0.15 * pores * [0.7, 1.0, 1.0])


def _distance(
    rng: np.random.Generator, size: int, x: np.ndarray, y: np.ndarray, *, radius: float,
    stretch: float, angle: float, ragged: float,
) -> np.ndarray:  # fmt: skip
    """Signed distance to the lesion's edge in units of its radius, negative inside."""
    u = (x * np.cos(angle) + y * np.sin(angle)) / stretch
    v = (-x * np.sin(angle) + y * np.cos(angle)) * stretch
    turn = np.arctan2(v, u)
    edge = sum(
        ragged / k * np.cos(k * turn + rng.uniform(0, 2 * np.pi)) * rng.uniform(0.4, 1)
        for k in range(2, 9)
    )
    return np.hypot(u, v) / radius - 1 - edge + 0.35 * ragged * _fractal(rng, size, 14, 4)


def _inside(distance: np.ndarray, softness: float) -> np.ndarray:
    return 1 / (1 + np.exp(distance / softness))


def _tint(rgb: np.ndarray, amount: np.ndarray, colour: tuple) -> np.ndarray:
    """Pigment absorbs: mix as filters do, so that the skin's texture stays visible."""
    absorbed = rgb ** (1 - 0.55 * amount[..., None]) * (
        1 - amount[..., None] + amount[..., None] * colour
    )
    return np.clip(absorbed, 0, 1)


def _even_mole(
    rgb: np.ndarray, rng: np.random.Generator, size: int, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    d = _distance(rng, size, x + 0.01, y - 0.02, radius=0.17, stretch=1.06, angle=0.5, ragged=0.03)
    network = _ridges(rng, size, 74, width=0.34)
    body = _inside(d, 0.065)
    rgb = _tint(rgb, 0.80 * body * (0.92 + 0.05 * _fractal(rng, size, 20, 3)), (0.60, 0.38, 0.25))
    rgb = _tint(
        rgb, 0.45 * _inside(d + 0.42 + 0.1 * _fractal(rng, size, 16, 4), 0.20), (0.50, 0.33, 0.24)
    )
    return _tint(rgb, 0.30 * network * body * _inside(-d - 0.6, 0.2), (0.50, 0.34, 0.27))


def _irregular_mole(
    rgb: np.ndarray, rng: np.random.Generator, size: int, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    d = _distance(rng, size, x, y + 0.01, radius=0.29, stretch=1.16, angle=-0.5, ragged=0.17)
    body = _inside(d, 0.05)
    patches = _fractal(rng, size, 7, 4)
    network = _ridges(rng, size, 54, width=0.34) * (0.75 + 0.2 * _noise(rng, size, 10))
    rgb = _tint(rgb, 0.22 * _inside(d - 0.08, 0.10), (0.85, 0.55, 0.48))  # reddened skin around
    rgb = _tint(rgb, 0.72 * body * (0.9 + 0.08 * patches), (0.56, 0.36, 0.26))
    dark = body * _inside(np.hypot(x + 0.07, y - 0.04) / 0.13 - 1 + 0.35 * patches, 0.13)
    rgb = _tint(rgb, 0.80 * dark, (0.22, 0.15, 0.13))
    blue = body * _inside(np.hypot(x - 0.06, y - 0.06) / 0.09 - 1 + 0.3 * patches, 0.16)
    rgb = rgb * (1 - 0.5 * blue[..., None]) + 0.5 * blue[..., None] * [0.41, 0.41, 0.46]
    red = body * _inside(np.hypot(x - 0.13, y + 0.10) / 0.09 - 1 + 0.3 * patches, 0.14)
    rgb = rgb * (1 - 0.45 * red[..., None]) + 0.45 * red[..., None] * [0.74, 0.42, 0.37]
    side = _inside(-(x + y + 0.06) / 0.12 + 0.3 * patches, 0.3)
    rgb = _tint(rgb, np.clip(0.5 * network, 0, 1) * body * side, (0.46, 0.30, 0.24))
    spots = np.clip(_noise(rng, size, 60) - 1.5, 0, 0.8) * _inside(np.abs(d + 0.25) - 0.2, 0.04)
    return _tint(rgb, spots * _inside(-patches - 0.2, 0.2), (0.26, 0.17, 0.14))


def _crusty_patch(
    rgb: np.ndarray, rng: np.random.Generator, size: int, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    d = _distance(rng, size, x, y, radius=0.25, stretch=1.12, angle=0.9, ragged=0.14)
    patches = _fractal(rng, size, 9, 5)
    body = _inside(d + 0.16 * patches, 0.10)
    rgb = _tint(rgb, 0.5 * body, (0.86, 0.47, 0.43))
    vessels = _ridges(rng, size, 56) * _inside(-patches, 0.3)
    rgb = _tint(rgb, 0.30 * vessels * body, (0.80, 0.30, 0.30))
    height = 0.6 * _fractal(rng, size, 40, 4) + 0.8 * patches
    scale = np.clip((height - 0.35) * 0.9, 0, 1) * _inside(d + 0.12, 0.12)
    shade = np.gradient(height, axis=0) + np.gradient(height, axis=1)
    crust = np.array([0.90, 0.79, 0.68]) * (1 + 0.5 * np.clip(shade, -0.25, 0.25)[..., None])
    rgb = rgb * (1 - 0.62 * scale[..., None]) + 0.62 * scale[..., None] * crust
    scab = np.clip((_fractal(rng, size, 24, 4) - 1.0) * 1.2, 0, 1) * _inside(d + 0.3, 0.15)
    return _tint(rgb, 0.75 * scab, (0.50, 0.27, 0.19))


_LESIONS: dict[str, Callable[..., np.ndarray]] = {
    "even_mole": _even_mole,
    "irregular_mole": _irregular_mole,
    "crusty_patch": _crusty_patch,
}


def _light(rgb: np.ndarray, rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi)
    slope = 0.16 * (x * np.cos(angle) + y * np.sin(angle))
    return rgb * (1.02 + slope - 0.16 * (x**2 + y**2))[..., None] * [1.0, 0.985, 0.965]


def _hairs(picture: Image.Image, rng: np.random.Generator, count: int) -> Image.Image:
    # Drawn at twice the size and scaled down, so that a hair is thinner than a pixel at its tip.
    size = picture.width
    large = Image.new("L", (2 * size, 2 * size), 0)
    pen = ImageDraw.Draw(large)
    for _ in range(count):
        start, angle = rng.uniform(0.02, 0.98, 2), rng.uniform(0, 2 * np.pi)
        length, bend = rng.uniform(0.15, 0.38), rng.normal(0, 1.2)
        steps = np.linspace(0, 1, 40)
        turn = angle + bend * steps
        path = start + np.cumsum(np.stack([np.cos(turn), np.sin(turn)], 1) * length / 40, axis=0)
        for i in range(39):
            width = max(1, round(size / 190 * (1 - 0.75 * steps[i])))
            pen.line([tuple(path[i] * 2 * size), tuple(path[i + 1] * 2 * size)], 210, width)
    mask = large.resize((size, size), Image.Resampling.LANCZOS)
    shadow = mask.filter(ImageFilter.GaussianBlur(size / 250)).point(lambda v: v * 0.35)
    picture = Image.composite(Image.new("RGB", picture.size, (120, 80, 65)), picture, shadow)
    return Image.composite(Image.new("RGB", picture.size, (58, 40, 32)), picture, mask)


def _to_bytes(rgb: np.ndarray) -> np.ndarray:
    return (np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8)
