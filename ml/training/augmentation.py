"""What a batch of training pictures goes through, in TensorFlow ops; always after the split.

Overlays of hair, ink, rulers and dark corners are here because they mislead published models
(Winkler et al., JAMA Dermatol. 155, 2019: surgical ink; Bissoto et al., CVPRW 2020: artefacts).
"""

import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw, ImageFilter

OVERLAYS = 192
OVERLAID = 0.3  # share of the pictures


def overlay_bank(seed: int, side: int) -> np.ndarray:
    """(OVERLAYS, side, side, 4) uint8 RGBA: hair, ink, rulers, dark corners and plasters; the
    first one is empty."""
    rng = np.random.default_rng(seed)
    kinds = (_hair, _hair, _hair, _ink, _ink, _ruler, _vignette, _plaster)
    bank = [kinds[i % len(kinds)](rng, side) for i in range(OVERLAYS - 1)]
    return np.stack([np.zeros((side, side, 4), np.uint8), *map(np.asarray, bank)])


def augment(pictures, masks, size: int, bank):
    """Uint8 pictures (n, s, s, 3) and masks (n, m, m, 1) → float32 (n, size, size, 3) in 0–255,
    masks (n, size/8, size/8, 1) in 0–1, and what share of each mask is covered (n,): turned,
    flipped, scaled, shifted, covered, recoloured, blurred, compressed."""
    n = tf.shape(pictures)[0]
    warp = _random_affine(n)
    x = tf.cast(_warp(pictures, warp, size), tf.float32)
    masks = tf.cast(_warp(masks, warp, size // 8), tf.float32) / 255
    picks = tf.random.uniform((n,), 0, len(bank), tf.int32)
    picks *= tf.cast(tf.random.uniform((n,)) < OVERLAID, tf.int32)
    overlay = tf.cast(tf.gather(bank, picks), tf.float32)
    alpha = overlay[..., 3:] / 255
    x = x * (1 - alpha) + overlay[..., :3] * alpha
    over = tf.reduce_sum(tf.nn.avg_pool2d(alpha, 8, 8, "VALID") * masks, (1, 2, 3))
    covered = over / (tf.reduce_sum(masks, (1, 2, 3)) + 1e-3)
    for share in (0.15, 0.15):  # two sizes a batch
        x = _sometimes(share, x, _coarse)
    x = _sometimes(0.15, x, lambda part: part + tf.random.normal(tf.shape(part), stddev=8.0))
    return _sometimes(0.25, _recolour(x), _compressed), masks, covered


def mixup(x, targets: dict, alpha: float = 0.4):
    """Mix the batch with itself in reverse (Zhang et al., arXiv 1710.09412), half of the time.

    ``targets["logits"]`` (n, 7) becomes (n, 15): both sets of allowed diagnoses, and the share
    of the first; a partial label can't be averaged. The last channel of ``mask`` and ``covered``
    says what is known: of a mixture, only what is known of both.
    """
    n = tf.shape(x)[0]
    gammas = tf.random.gamma((2, n), alpha)
    share = gammas[0] / (gammas[0] + gammas[1] + 1e-9)
    share = tf.where(tf.random.uniform(()) < 0.5, tf.maximum(share, 1 - share), tf.ones(n))
    x = _blend(x, tf.reverse(x, [0]), share)
    allowed = targets["logits"]
    mixed = {
        "logits": tf.concat([allowed, tf.reverse(allowed, [0]), share[:, None]], axis=1),
    }
    mixed["lesion"] = _blend(targets["lesion"], tf.reverse(targets["lesion"], [0]), share)
    for name in ("mask", "covered"):
        one, other = targets[name], tf.reverse(targets[name], [0])
        whole = tf.reshape(share, [-1] + [1] * (len(one.shape) - 1)) == 1
        known = tf.where(whole, one, one * other)[..., -1:]
        mixed[name] = tf.concat([_blend(one, other, share)[..., :-1], known], axis=-1)
    return x, mixed


def _blend(a, b, share):
    share = tf.reshape(share, [-1] + [1] * (len(a.shape) - 1))
    return share * a + (1 - share) * b


def _random_affine(n):
    """(n, 2, 3) maps from the output's square [-1, 1]² to the input's."""
    angle = tf.random.uniform((n,), 0, 2 * np.pi)
    zoom = tf.exp(tf.random.uniform((n,), np.log(0.6), np.log(1.15)))
    aspect = tf.exp(tf.random.uniform((n,), -0.12, 0.12))
    flip = tf.where(tf.random.uniform((n,)) < 0.5, 1.0, -1.0)
    shift = tf.random.uniform((n, 2), -1, 1) * (0.08 + 0.35 * tf.nn.relu(1 - zoom))[:, None]
    cos, sin = tf.cos(angle) * zoom, tf.sin(angle) * zoom
    rows = [
        tf.stack([cos * aspect * flip, -sin / aspect, shift[:, 0]], axis=1),
        tf.stack([sin * aspect * flip, cos / aspect, shift[:, 1]], axis=1),
    ]
    return tf.stack(rows, axis=1)


def _warp(images, warp, size: int):
    """Sample with ``warp``, mirrored at the border."""
    side = tf.cast(tf.shape(images)[1], tf.float32)
    a, b, c = warp[:, 0, 0], warp[:, 0, 1], warp[:, 0, 2]
    d, e, f = warp[:, 1, 0], warp[:, 1, 1], warp[:, 1, 2]
    scale, half = side / size, (size - 1) / 2

    def offset(p, q, shift):
        return shift * side / 2 + (side - 1) / 2 - scale * half * (p + q)

    zero = tf.zeros_like(a)
    transforms = tf.stack(
        [scale * a, scale * b, offset(a, b, c), scale * d, scale * e, offset(d, e, f), zero, zero],
        axis=1,
    )
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=(size, size),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )


def _sometimes(share: float, x, change):
    """Apply ``change`` to a random share of the batch; the rest costs nothing."""
    n = tf.shape(x)[0]
    chosen = tf.random.shuffle(tf.range(n))[: tf.cast(share * tf.cast(n, tf.float32), tf.int32)]
    return tf.tensor_scatter_nd_update(x, chosen[:, None], change(tf.gather(x, chosen)))


def _coarse(x):
    """Out of focus, or a small file."""
    side = x.shape[1]
    small = tf.cast(side * tf.random.uniform((), 0.3, 0.8), tf.int32)
    return tf.image.resize(tf.image.resize(x, (small, small), antialias=True), (side, side))


def _compressed(x):
    """As JPEG files of low quality."""

    def one(picture):
        quality = tf.random.uniform((), 25, 85, tf.int32)
        return tf.image.adjust_jpeg_quality(picture, quality)

    pictures = tf.cast(tf.clip_by_value(x, 0, 255), tf.uint8)
    return tf.cast(tf.map_fn(one, pictures), tf.float32)


def _recolour(x):
    """Lamps, cameras and white balance; colour constancy by grey world for a part."""
    n = tf.shape(x)[0]

    def normal(deviation, channels=1):
        return tf.random.normal((n, 1, 1, channels), stddev=deviation)

    x = tf.clip_by_value(x, 0, 255) / 255
    x = _sometimes(0.1, x, _grey_world)
    x = x * tf.exp(normal(0.045, 3) + normal(0.12))
    grey = tf.reduce_mean(x, axis=3, keepdims=True)
    x = grey + (x - grey) * tf.exp(normal(0.13))
    means = tf.reduce_mean(x, axis=(1, 2, 3), keepdims=True)
    x = means + (x - means) * tf.exp(normal(0.12))
    x = tf.clip_by_value(x, 0, 1)
    # A tone curve; a true gamma costs as much as all else here.
    return (x + normal(0.12) * x * (1 - x)) * 255


def _grey_world(x):
    means = tf.reduce_mean(x, axis=(1, 2), keepdims=True)
    return x * (tf.reduce_mean(means, axis=3, keepdims=True) / (means + 1e-3))


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
