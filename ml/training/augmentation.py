"""What a batch of training pictures goes through; always after the split.

Chance is drawn by NumPy, so that one seed means the same pictures on every backend; what is done
with it is written in Keras's ops, so that it runs where the network trains.

Overlays of hair, ink, rulers and dark corners are here because they mislead published models
(Winkler et al., JAMA Dermatol. 155, 2019: surgical ink; Bissoto et al., CVPRW 2020: artefacts),
those of glare and blots because a cancer behind them was called harmless (docs/experiments.md).
"""

from dataclasses import dataclass

import numpy as np
from keras import ops
from PIL import Image, ImageDraw, ImageFilter

from ml.network.kernels import warp

OVERLAYS, NOISES = 192, 16
OVERLAID, MIXED = 0.3, 0.5  # shares of the pictures, and of the batches
# Shares of the pictures that are shown with other focus, grain, colours or file quality.
REFOCUSED, GRAINY, RESTYLED, GREYED, COMPRESSED = 0.35, 0.15, 0.3, 0.1, 0.3
REACH = 4  # pixels on each side that a blur looks at
# JPEG's tables for lightness and colour at quality 50 (ITU-T T.81, annex K).
LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.float32,
)
CHROMINANCE = np.full((8, 8), 99, np.float32)
CHROMINANCE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]
# RGB to YCbCr (ITU-T T.871), and an orthonormal 8-point cosine transform.
YCBCR = np.array(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32
)
FREQUENCIES = np.arange(8)[:, None]
COSINES = np.cos((2 * np.arange(8) + 1) * FREQUENCIES * np.pi / 16).astype(np.float32) / 2
COSINES[0] /= np.sqrt(2)

MIDDLE = np.array([128, 0, 0], np.float32)

Chance = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Bank:
    """What is laid over pictures of one side: ``overlays`` (OVERLAYS, side, side, 4) uint8 RGBA of
    hair, ink, rulers, dark corners, plasters, glare and blots, the first one empty, and ``noises``
    (NOISES, side, side, 3) float32 of deviation 1."""

    overlays: np.ndarray
    noises: np.ndarray

    @classmethod
    def make(cls, seed: int, side: int) -> "Bank":
        rng = np.random.default_rng(seed)
        kinds = (_hair, _hair, _hair, _ink, _ink, _ruler, _vignette, _plaster, _glare, _blot)
        drawn = [kinds[i % len(kinds)](rng, side) for i in range(OVERLAYS - 1)]
        empty = np.zeros((side, side, 4), np.uint8)
        noises = rng.normal(size=(NOISES, side, side, 3)).astype(np.float32)
        return cls(np.stack([empty, *map(np.asarray, drawn)]), noises)


def chance(rng: np.random.Generator, n: int, strength: float = 1.0) -> Chance:
    """What ``augment`` and ``mixup`` do to a batch of n, all of it, drawn at once. ``strength``
    stretches the changes of colour and light."""

    def normal(deviation: float, *shape: int) -> np.ndarray:
        return (rng.normal(size=(n, *shape)) * deviation).astype(np.float32)

    def some(share: float) -> np.ndarray:
        return rng.permutation(n)[: round(share * n)].astype(np.int32)

    refocused, compressed = some(REFOCUSED), some(COMPRESSED)
    gammas = rng.gamma(0.4, size=(2, n))
    shares = gammas.max(0) / (gammas.sum(0) + 1e-9)
    blurred = rng.random(len(refocused)) < 0.7
    return {
        "warp": _random_affine(rng, n),
        "overlay": np.where(rng.random(n) < OVERLAID, rng.integers(OVERLAYS, size=n), 0).astype(
            np.int32
        ),
        "refocused": refocused,
        "blur": rng.uniform(0.4, 2.4, len(refocused)).astype(np.float32),
        # −1 is the blurred picture, above 0 a sharpened one.
        "sharpening": np.where(blurred, -1, rng.uniform(0.2, 1.5, len(refocused))).astype(
            np.float32
        ),
        "grainy": some(GRAINY),
        "grain": rng.uniform(2, 14, round(GRAINY * n)).astype(np.float32),
        "noise": rng.integers(NOISES, size=round(GRAINY * n)).astype(np.int32),
        "restyled": some(RESTYLED),
        "style_of": rng.integers(n, size=round(RESTYLED * n)).astype(np.int32),
        "style": rng.uniform(0.2, 0.9, round(RESTYLED * n)).astype(np.float32),
        "greyed": some(GREYED),
        "gain": normal(0.06 * strength, 3) + normal(0.14 * strength, 1),
        "slope": normal(0.10 * strength, 2),
        "saturation": normal(0.18 * strength),
        "contrast": normal(0.15 * strength),
        "tone": normal(0.15 * strength),
        "compressed": compressed,
        "quality": rng.uniform(20, 90, len(compressed)).astype(np.float32),
        # Mix the batch with itself in reverse (Zhang et al., arXiv 1710.09412), or not at all.
        "share": (shares if rng.random() < MIXED else np.ones(n)).astype(np.float32),
    }


def augment(pictures, masks, size: int, bank: Bank, drawn: Chance):
    """Uint8 pictures (n, s, s, 3) and masks (n, m, m, 1) → float32 (n, size, size, 3) in 0–255,
    masks (n, size/8, size/8, 1) in 0–1, and what share of each mask is covered (n,): turned,
    flipped, scaled, shifted, covered, recoloured, refocused, compressed."""
    x = warp(pictures, _in_pixels(drawn["warp"], pictures.shape[1], size), size)
    masks = warp(masks, _in_pixels(drawn["warp"], masks.shape[1], size // 8), size // 8) / 255
    overlay = ops.cast(ops.take(bank.overlays, drawn["overlay"], axis=0), "float32")
    alpha = overlay[..., 3:] / 255
    x = x * (1 - alpha) + overlay[..., :3] * alpha
    over = ops.sum(ops.average_pool(alpha, 8, 8, "valid") * masks, (1, 2, 3))
    covered = over / (ops.sum(masks, (1, 2, 3)) + 1e-3)
    x = _changed(x, drawn["refocused"], lambda part: _refocus(part, drawn))
    x = _changed(x, drawn["grainy"], lambda part: part + _grain(bank, drawn))
    x = _recolour(x, drawn)
    return _changed(x, drawn["compressed"], lambda part: _compress(part, drawn)), masks, covered


def mixup(x, targets: dict, share):
    """Mix a batch with itself in reverse; ``share`` (n,) of each picture is its own.

    ``targets["allowed"]`` (n, 7) stands beside the other's, ``other`` (n, 7), with ``share``: a
    partial label can't be averaged. What follows ``mask``, ``covered`` and ``concepts`` says
    what is known of them: of a mixture, only what is known of both.
    """
    mixed = {
        "allowed": targets["allowed"],
        "other": ops.flip(targets["allowed"], 0),
        "share": share,
        "lesion": _blend(targets["lesion"], ops.flip(targets["lesion"], 0), share),
    }
    for name in ("mask", "covered", "concepts"):
        values, known = targets[name]
        whole = ops.reshape(share, [-1] + [1] * (len(known.shape) - 1)) == 1
        mixed[name] = (
            _blend(values, ops.flip(values, 0), share),
            ops.where(whole, known, known * ops.flip(known, 0)),
        )
    return _blend(x, ops.flip(x, 0), share), mixed


def _blend(a, b, share):
    share = ops.reshape(share, [-1] + [1] * (len(a.shape) - 1))
    return share * a + (1 - share) * b


def _random_affine(rng: np.random.Generator, n: int) -> np.ndarray:
    """(n, 2, 3) maps from the output's square [-1, 1]² to the input's."""
    angle = rng.uniform(0, 2 * np.pi, n)
    # Below 1 the lesion fills more of the frame; above, the frame goes on as in a mirror.
    zoom = np.exp(rng.uniform(np.log(0.5), np.log(1.3), n))
    aspect = np.exp(rng.uniform(-0.14, 0.14, n))
    flip = np.where(rng.random(n) < 0.5, 1.0, -1.0)
    shift = rng.uniform(-1, 1, (n, 2)) * (0.08 + 0.4 * np.maximum(0, 1 - zoom))[:, None]
    cos, sin = np.cos(angle) * zoom, np.sin(angle) * zoom
    rows = [
        np.stack([cos * aspect * flip, -sin / aspect, shift[:, 0]], axis=1),
        np.stack([sin * aspect * flip, cos / aspect, shift[:, 1]], axis=1),
    ]
    return np.stack(rows, axis=1).astype(np.float32)


def _in_pixels(affine, side: int, size: int):
    """The maps for pictures of ``side`` pixels and samples of ``size``, as ``warp`` takes them."""
    scale, half = side / size, (size - 1) / 2
    rows = []
    for row in (0, 1):
        p, q, shift = (affine[:, row, i] for i in range(3))
        offset = shift * side / 2 + (side - 1) / 2 - scale * half * (p + q)
        rows += [scale * p, scale * q, offset]
    return ops.stack(rows, axis=1)


def _changed(x, chosen, change):
    """``x`` with a change of the chosen pictures (k,); the rest costs nothing."""
    return ops.scatter_update(x, chosen[:, None], change(ops.take(x, chosen, axis=0)))


def _refocus(x, drawn: Chance):
    """Out of focus, a small file made larger, or sharpened by the camera."""
    reach = ops.arange(-REACH, REACH + 1, dtype="float32")
    weights = ops.exp(-(reach**2) / (2 * drawn["blur"][:, None] ** 2))
    weights = weights / ops.sum(weights, 1, keepdims=True)
    side = x.shape[1]
    padded = ops.pad(x, ((0, 0), (REACH, REACH), (0, 0), (0, 0)), mode="reflect")
    blurred = sum(
        padded[:, i : i + side] * weights[:, i, None, None, None] for i in range(2 * REACH + 1)
    )
    padded = ops.pad(blurred, ((0, 0), (0, 0), (REACH, REACH), (0, 0)), mode="reflect")
    blurred = sum(
        padded[:, :, i : i + side] * weights[:, i, None, None, None] for i in range(2 * REACH + 1)
    )
    return x + drawn["sharpening"][:, None, None, None] * (x - blurred)


def _grain(bank: Bank, drawn: Chance):
    return ops.take(bank.noises, drawn["noise"], axis=0) * drawn["grain"][:, None, None, None]


def _recolour(x, drawn: Chance):
    """Lamps, cameras and white balance; other pictures' spectra, or grey world, for a part."""

    def each(name: str):
        return drawn[name][:, None, None, None]

    x = ops.clip(x, 0, 255) / 255
    x = _changed(x, drawn["restyled"], lambda part: _restyle(part, x, drawn))
    x = _changed(x, drawn["greyed"], _grey_world)
    at = ops.cast((np.arange(x.shape[1]) + 0.5) / x.shape[1] * 2 - 1, "float32")
    slope = drawn["slope"]
    light = slope[:, 0, None, None] * at[:, None] + slope[:, 1, None, None] * at
    x = x * ops.exp(drawn["gain"][:, None, None, :] + light[..., None])
    grey = ops.mean(x, axis=3, keepdims=True)
    x = grey + (x - grey) * ops.exp(each("saturation"))
    means = ops.mean(x, axis=(1, 2, 3), keepdims=True)
    x = means + (x - means) * ops.exp(each("contrast"))
    x = ops.clip(x, 0, 1)
    # A tone curve; a true gamma costs as much as all else here.
    return ops.clip(x + each("tone") * x * (1 - x), 0, 1) * 255


def _restyle(part, x, drawn: Chance):
    """The amplitude spectra mixed with another picture's, at the phases as they are (Xu et al.,
    CVPR 2021, arXiv 2105.11120): what another set's cameras and lamps would have made of it."""

    def spectrum(of):
        channels = ops.transpose(of, (0, 3, 1, 2))
        real, imaginary = ops.fft2((channels, ops.zeros_like(channels)))
        return real, imaginary, ops.sqrt(real**2 + imaginary**2)

    real, imaginary, amplitude = spectrum(part)
    amplitudes = spectrum(ops.take(x, drawn["style_of"], axis=0))[2]
    share = drawn["style"][:, None, None, None]
    factor = 1 - share + share * amplitudes / (amplitude + 1e-6)
    mixed, _ = ops.ifft2((real * factor, imaginary * factor))
    return ops.clip(ops.transpose(mixed, (0, 2, 3, 1)), 0, 1)


def _grey_world(x):
    means = ops.mean(x, axis=(1, 2), keepdims=True)
    return x * (ops.mean(means, axis=3, keepdims=True) / (means + 1e-3))


def _compress(x, drawn: Chance):
    """As JPEG files of low quality (ITU-T T.81): 8 × 8 cosine transforms, rounded; the scale of the
    tables by quality as in the Independent JPEG Group's library."""
    n, side = x.shape[0], x.shape[1]
    quality = drawn["quality"][:, None, None, None, None, None]
    scale = ops.where(quality < 50, 50 / quality, 2 - quality / 50)
    table = np.stack([LUMINANCE, CHROMINANCE, CHROMINANCE], axis=-1)[None, None, :, None]
    steps = ops.maximum(ops.multiply(table, scale), 1.0)
    middle = ops.convert_to_tensor(MIDDLE)
    blocks = ops.reshape(ops.matmul(x, YCBCR.T), (n, side // 8, 8, side // 8, 8, 3))
    waves = ops.einsum("ua,nyaxbc,vb->nyuxvc", COSINES, blocks - middle, COSINES)
    waves = ops.round(waves / steps) * steps
    blocks = ops.einsum("ua,nyuxvc,vb->nyaxbc", COSINES, waves, COSINES) + middle
    back = np.linalg.inv(YCBCR).T.astype(np.float32)
    return ops.clip(ops.matmul(ops.reshape(blocks, (n, side, side, 3)), back), 0, 255)


def _canvas(side: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGBA", (side, side))
    return image, ImageDraw.Draw(image)


def _hair(rng: np.random.Generator, side: int) -> Image.Image:
    image, draw = _canvas(side)
    tone = int(rng.choice([20, 40, 70, 200]))
    steps = np.linspace(0, 1, 24)[:, None]
    for _ in range(rng.integers(2, rng.choice([12, 30, 90]))):
        a, b, c = rng.uniform(-0.2, 1.2, (3, 2)) * side
        b = (a + c) / 2 + (b - side / 2) * 0.3
        curve = (1 - steps) ** 2 * a + 2 * steps * (1 - steps) * b + steps**2 * c
        colour = (tone, int(tone * 0.8), int(tone * 0.7), int(rng.integers(120, 240)))
        draw.line([tuple(p) for p in curve], fill=colour, width=int(rng.integers(1, 3)))
    return image


def _ink(rng: np.random.Generator, side: int) -> Image.Image:
    image, draw = _canvas(side)
    colour = ((80, 40, 140), (40, 60, 160), (30, 110, 70), (30, 30, 30))[rng.integers(4)]
    colour = (*colour, int(rng.integers(90, 200)))
    width = int(rng.integers(2, 8))
    for _ in range(rng.integers(1, 4)):
        x, y = rng.uniform(-0.3, 1, 2) * side
        w, h = rng.uniform(0.2, 1.2, 2) * side
        start = int(rng.integers(360))
        sweep = int(rng.integers(40, 360))
        draw.arc((x, y, x + w, y + h), start, start + sweep, fill=colour, width=width)
    if rng.random() < 0.3:  # scribbled over
        points = rng.normal(side / 2, side * rng.uniform(0.1, 0.25), (int(rng.integers(5, 40)), 2))
        draw.line([tuple(p) for p in points], fill=colour, width=width, joint="curve")
    return image.filter(ImageFilter.GaussianBlur(0.8))


def _ruler(rng: np.random.Generator, side: int) -> Image.Image:
    image, draw = _canvas(side)
    depth = int(side * rng.uniform(0.06, 0.25))
    if rng.random() < 0.6:
        draw.rectangle((0, 0, side, depth), fill=(235, 235, 230, 240))
    step = rng.uniform(0.02, 0.06) * side
    for i, x in enumerate(np.arange(0, side, step)):
        length = depth * (0.7 if i % 5 == 0 else 0.4)
        draw.line((x, 0, x, length), fill=(20, 20, 20, 230), width=1 + (i % 5 == 0))
        if i % 10 == 0:
            draw.text((x, depth * 0.55), str(i // 10), fill=(20, 20, 20, 230), font_size=12)
    return image.rotate(90 * int(rng.integers(4)))


def _vignette(rng: np.random.Generator, side: int) -> Image.Image:
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    radius = np.hypot(x - rng.uniform(-0.1, 0.1), y - rng.uniform(-0.1, 0.1))
    edge, soft = rng.uniform(0.85, 1.25), rng.uniform(0.01, 0.2)
    rgba = np.zeros((side, side, 4), np.uint8)
    rgba[..., 3] = (255 / (1 + np.exp(-np.clip((radius - edge) / soft, -30, 30)))).astype(np.uint8)
    return Image.fromarray(rgba)


def _plaster(rng: np.random.Generator, side: int) -> Image.Image:
    image, draw = _canvas(side)
    x, y = rng.uniform(0.1, 0.9, 2) * side
    w, h = rng.uniform(0.1, 0.35, 2) * side
    colour = ((225, 190, 160), (240, 240, 240), (60, 90, 150), (200, 60, 60))[rng.integers(4)]
    box = (x - w, y - h, x + w, y + h)
    draw.rounded_rectangle(box, min(w, h) * rng.uniform(0, 1), (*colour, 255))
    return image.rotate(float(rng.uniform(0, 360)))


def _glare(rng: np.random.Generator, side: int) -> Image.Image:
    """A lamp or a flash, mirrored by skin or gel in one spot or several."""
    image, draw = _canvas(side)
    for _ in range(rng.integers(1, 5)):
        x, y = rng.normal(side / 2, side * 0.18, 2)
        w, h = rng.uniform(0.02, 0.22, 2) * side
        draw.ellipse((x - w, y - h, x + w, y + h), fill=(255, 255, 255, 255))
    image = image.rotate(float(rng.uniform(0, 360)))
    alpha = image.getchannel("A").filter(ImageFilter.GaussianBlur(side * rng.uniform(0.004, 0.03)))
    white = Image.new("RGBA", image.size, (255, 255, int(rng.integers(225, 256))))
    white.putalpha(alpha)
    return white


def _blot(rng: np.random.Generator, side: int) -> Image.Image:
    """Ink, a sticker or dirt that covers a part of what is in the middle."""
    image, draw = _canvas(side)
    x, y = rng.normal(side / 2, side * 0.12, 2)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 12))
    radii = side * rng.uniform(0.05, 0.25) * rng.uniform(0.75, 1.25, 12)
    points = np.stack([x + radii * np.cos(angles), y + radii * np.sin(angles)], axis=1)
    colours = ((40, 50, 140), (30, 30, 30), (80, 40, 140), (30, 110, 70), (150, 30, 40))
    colour = (*colours[rng.integers(5)], int(rng.integers(200, 256)))
    draw.polygon([tuple(point) for point in points], fill=colour)
    return image.filter(ImageFilter.GaussianBlur(side * rng.uniform(0.003, 0.015)))
