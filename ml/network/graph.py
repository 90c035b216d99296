"""The one network: a backbone with heads for everything that a decision needs."""

import keras
import numpy as np
from keras import layers, ops

from ml.network import backbone
from ml.network.kernels import ON_TENSORFLOW
from ml.skin_tone import NO_SKIN
from ml.taxonomy import CONCEPTS, DIAGNOSES

if ON_TENSORFLOW:
    import tensorflow as tf

SIDE = 224  # of the served picture
DECODER_CHANNELS = 48
# What ``quality`` holds, in this order; ``model.json`` has the limits.
QUALITY = (
    "lesion",
    "covered",
    "sharpness",
    "brightness",
    "glare",
    "mask_area",
    "mask_edge",
    "mask_centre",
    "skin_tone",
    "unfamiliarity",
    "colour",
)
COLOUR_CELLS = 14  # a side: large enough that the blocks of JPEG's colours average out
# A blown-out patch on the lesion hides more than one beside it: of validation's dermoscopy 0.2 %
# has more than 0.2 of the picture white, and 0.2 % more than 0.026 of the lesion.
ON_LESION = 8.0
FAMILIAR_COMPONENTS = 128
# Columns X, Y, Z of linear sRGB over the white point D65 (IEC 61966-2-1).
XYZ_OVER_WHITE = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ],
    np.float32,
).T / np.array([0.95047, 1.0, 1.08883], np.float32)


def build(
    dropout: float = 0.3, drop_path: float = 0.1, *, folded: bool = False, variant: str = "lite0"
) -> keras.Model:
    """The trainable network, for square pictures of any side that 32 divides.

    Input: (n, s, s, 3) float32, RGB 0–255. Outputs: ``logits`` (n, 7) in the order of DIAGNOSES,
    ``cam`` (n, s/32, s/32, 7), the class activation map (Zhou et al., CVPR 2016) whose mean over
    the picture is ``logits``, ``mask`` (n, s/8, s/8, 1) logits of the lesion mask, ``lesion``
    (n, 1) the logit that there is a lesion, ``covered`` (n, 1) the logit of the lesion's share
    under hair, ink or a plaster, ``concepts`` (n, 7) logits of CONCEPTS, ``features`` (n, 1280)
    pooled.
    """
    picture = keras.Input((None, None, 3), name="picture")
    return keras.Model(
        picture, _heads(picture, dropout, drop_path, folded, variant), name="skincare"
    )


def draw_heads(model: keras.Model, seed: int) -> None:
    """Start the heads' kernels (Glorot & Bengio, AISTATS 2010) from NumPy's chance, which is the
    same on every backend."""
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        if "kernel" in variable.name and not variable.path.startswith(backbone.LAYERS):
            fans = np.prod(variable.shape[:-2]) * (variable.shape[-2] + variable.shape[-1])
            limit = np.sqrt(6 / fans)
            variable.assign(rng.uniform(-limit, limit, variable.shape).astype(np.float32))


def serving(
    trained: keras.Model, familiar: "Familiar", *, variant: str = "lite0", side: int = SIDE
) -> keras.Model:
    """The graph for worker and phone: one picture of ``side``, batch norms folded, weights rounded
    to float16, so that the Keras file and the float16 LiteRT file hold the same numbers.

    Outputs: ``logits`` (n, 7), ``cam`` (n, side/32, side/32, 7), ``mask`` (n, side/8, side/8, 1)
    0–1, ``quality`` (n, len(QUALITY)), ``features`` (n, FAMILIAR_COMPONENTS), by which pictures are
    compared (``ml.features``).
    """
    picture = keras.Input((side, side, 3), name="picture")
    heads = _heads(picture, 0.0, 0.0, folded=True, variant=variant)
    mask = layers.Activation("sigmoid", name="mask_probability")(heads["mask"])
    lesion = layers.Activation("sigmoid", name="lesion_probability")(heads["lesion"])
    covered = layers.Activation("sigmoid", name="covered_share")(heads["covered"])
    known = Unfamiliarity(name="unfamiliarity")
    unfamiliarity, features = known(heads["features"])
    quality = Quality(name="quality")([picture, mask, lesion, covered, unfamiliarity])
    outputs = {name: heads[name] for name in ("logits", "cam")}
    outputs |= {"mask": mask, "quality": quality, "features": features}
    model = keras.Model(picture, outputs, name="skincare")
    backbone.fold(trained, model)
    known.set_weights([familiar.mean, familiar.components])
    return _rounded(model)


def second_reader(trained: keras.Model, *, variant: str = "lite0", side: int = SIDE) -> keras.Model:
    """The graph of a second network, which the server alone asks: as ``serving``, with ``logits``,
    ``cam`` and ``lesion`` (n, 1), the probability that there is one."""
    picture = keras.Input((side, side, 3), name="picture")
    heads = _heads(picture, 0.0, 0.0, folded=True, variant=variant)
    outputs = {name: heads[name] for name in ("logits", "cam")}
    outputs["lesion"] = layers.Activation("sigmoid", name="lesion_probability")(heads["lesion"])
    model = keras.Model(picture, outputs, name="second_reader")
    backbone.fold(trained, model)
    return _rounded(model)


def _rounded(model: keras.Model) -> keras.Model:
    model.set_weights(
        [np.asarray(w).astype(np.float16).astype(np.float32) for w in model.get_weights()]
    )
    return model


class Familiar:
    """The subspace of feature space in which known lesions vary: a mean and principal components.

    What is left of a picture's features outside of it is an out-of-distribution score: the
    residual of ViM (Wang et al., CVPR 2022, arXiv 2203.10807). ``docs/experiments.md`` compares.
    """

    def __init__(self, features: np.ndarray) -> None:
        """``features`` (n, 1280) of training lesions."""
        self.mean = features.mean(0)
        _, vectors = np.linalg.eigh(np.cov(features, rowvar=False))
        self.components = vectors[:, -FAMILIAR_COMPONENTS:]


@keras.saving.register_keras_serializable("ml")
class Unfamiliarity(layers.Layer):
    """Features (n, 1280) → (n, 1), the share of their length that lies outside of Familiar, and
    (n, FAMILIAR_COMPONENTS), where they lie inside of it."""

    def build(self, shape) -> None:
        self.mean = self.add_weight(shape=(shape[-1],), trainable=False)
        self.components = self.add_weight(shape=(shape[-1], FAMILIAR_COMPONENTS), trainable=False)

    def call(self, features):
        moved = features - self.mean
        inside = tf.matmul(moved, self.components)

        def square(x):
            return tf.reduce_sum(tf.square(x), axis=1, keepdims=True)

        outside = tf.nn.relu(square(moved) - square(inside)) / (square(features) + 1e-6)
        return tf.sqrt(outside), inside


@keras.saving.register_keras_serializable("ml")
class Quality(layers.Layer):
    """Picture (n, s, s, 3), mask (n, m, m, 1), lesion probability, covered share, unfamiliarity →
    (n, len(QUALITY))."""

    def call(self, inputs):
        picture, mask, lesion, covered, unfamiliarity = inputs
        luma = tf.reduce_sum(picture * [0.299, 0.587, 0.114], axis=3, keepdims=True) / 255
        brightness = tf.reduce_mean(luma, (1, 2))
        # Mean absolute Laplacian relative to the brightness: falls when the focus is off.
        inner = luma[:, 1:-1, 1:-1]
        around = luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1] + luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:]
        detail = tf.reduce_mean(tf.abs(around - 4 * inner), (1, 2))
        sharpness = detail / (brightness + 0.02)
        inside = tf.cast(mask > 0.5, tf.float32)
        cells = picture.shape[1] // mask.shape[1]
        white = tf.cast(tf.reduce_min(picture, 3, keepdims=True) > 245, tf.float32)
        white = tf.nn.avg_pool2d(white, cells, cells, "VALID")
        ellipse, centre = _ellipse(inside)
        # Where light is reflected the mask has a hole, so the ellipse around it counts.
        on_lesion = tf.reduce_sum(white * ellipse, (1, 2)) / (tf.reduce_sum(ellipse, (1, 2)) + 1e-3)
        glare = tf.maximum(tf.reduce_mean(white, (1, 2)), ON_LESION * on_lesion)
        area = tf.reduce_mean(inside, (1, 2))
        sides = (inside[:, 0], inside[:, -1], inside[:, :, 0], inside[:, :, -1])
        edge = tf.reduce_mean(tf.concat(sides, axis=1), axis=1)
        numbers = [lesion, covered, sharpness, brightness, glare, area, edge]
        tone = typology_angle(picture, mask)
        return tf.concat([*numbers, centre, tone, unfamiliarity, colour(picture)], axis=1)


def colour(picture):
    """How much colour pictures (n, s, s, 3) RGB 0–255 have beyond what lightness explains: (n, 1).

    The root mean square of red − green and of yellow − blue, of the picture's cells, that is left
    by least squares on a polynomial of second degree of the lightness. A grey picture has none, nor
    has one that was tinted afterwards, since each lightness then has one colour.
    """
    side = picture.shape[1] // COLOUR_CELLS
    cells = ops.average_pool(picture, side, side, "valid")
    red, green, blue = cells[..., 0:1], cells[..., 1:2], cells[..., 2:3]

    def centred(x):
        return x - ops.mean(x, (1, 2), keepdims=True)

    def without(x, other):
        share = ops.sum(x * other, (1, 2), keepdims=True)
        return x - other * share / (ops.sum(other * other, (1, 2), keepdims=True) + 1e-9)

    linear = centred((0.299 * red + 0.587 * green + 0.114 * blue) / 255)
    curved = without(centred(linear * linear), linear)
    opponents = (red - green, (red + green) / 2 - blue)
    left = [without(without(centred(of), linear), curved) for of in opponents]
    return ops.sqrt(ops.mean(left[0] * left[0] + left[1] * left[1], (1, 2)))


def typology_angle(picture, mask):
    """The individual typology angle of the skin around a lesion, in degrees: (n, 1).

    atan((L* − 50) / b*) of the mean skin (Chardon et al., Int. J. Cosmet. Sci. 13, 1991) of
    pictures (n, s, s, 3) RGB 0–255, outside of masks (n, m, m, 1) of probabilities. It measures
    light and camera too. NO_SKIN where too little skin is left.
    """
    cells = picture.shape[1] // mask.shape[1]
    rgb = tf.nn.avg_pool2d(picture, cells, cells, "VALID") / 255
    linear = tf.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = tf.matmul(linear, tf.constant(XYZ_OVER_WHITE)[None])
    f = tf.where(xyz > 0.008856, tf.maximum(xyz, 1e-6) ** (1 / 3), 7.787 * xyz + 16 / 116)
    lightness = 116 * f[..., 1:2] - 16
    a, b = 500 * (f[..., 0:1] - f[..., 1:2]), 200 * (f[..., 1:2] - f[..., 2:3])
    # The dermoscope's black frame, the white of rulers and reflections, and ink are not skin.
    real = (mask < 0.2) & (lightness > 15) & (lightness < 98) & (a > -2) & (b > -15)
    skin = tf.cast(real, tf.float32)
    count = tf.reduce_sum(skin, (1, 2))
    means = [tf.reduce_sum(skin * of, (1, 2)) / tf.maximum(count, 1) for of in (lightness, b)]
    angle = tf.atan2(means[0] - 50, means[1]) * (180 / np.pi)
    return tf.where(count < 0.02 * mask.shape[1] ** 2, NO_SKIN, angle)


def _ellipse(inside):
    """The ellipse with the second moments of masks (n, m, m, 1) of 0 and 1, as cells
    (n, m, m, 1); and how much of the mask's middle it covers itself (n, 1): the middle of two
    lesions lies between them."""
    side = inside.shape[1]
    at = (tf.range(side, dtype=tf.float32) + 0.5) / side
    weight = inside[..., 0] / (tf.reduce_sum(inside, (1, 2, 3), keepdims=True)[..., 0] + 1e-6)
    rows, columns = tf.reduce_sum(weight, 2), tf.reduce_sum(weight, 1)
    y = (at - tf.reduce_sum(rows * at, 1, keepdims=True))[:, :, None]
    x = (at - tf.reduce_sum(columns * at, 1, keepdims=True))[:, None, :]
    yy = tf.reduce_sum(weight * y**2, (1, 2), keepdims=True)
    xx = tf.reduce_sum(weight * x**2, (1, 2), keepdims=True)
    xy = tf.reduce_sum(weight * y * x, (1, 2), keepdims=True)
    determinant = tf.nn.relu(yy * xx - xy**2)
    distance = (xx * y**2 - 2 * xy * y * x + yy * x**2) / (determinant + 1e-9)
    cells = tf.cast((distance <= 4) & (determinant > 1e-9), tf.float32)[..., None]
    area = tf.reduce_mean(inside, (1, 2, 3))[:, None, None]
    # A normal weight around the middle, a quarter as wide as a disc of the mask's area.
    weight = tf.exp(-(y**2 + x**2) / (area / (8 * np.pi) + 1e-6))
    middle = tf.reduce_sum(weight * inside[..., 0], (1, 2)) / tf.reduce_sum(weight, (1, 2))
    return cells, tf.where(area[:, 0] > 0, middle[:, None], 1.0)


def _heads(picture, dropout: float, drop_path: float, folded: bool, variant: str) -> dict:
    x, taps = backbone.build(picture, variant=variant, drop_path=drop_path, folded=folded)
    features = layers.GlobalAveragePooling2D(name="features")(x)
    # Dropping whole channels before the 1×1 convolution is dropout on the pooled features.
    cam = layers.Conv2D(len(DIAGNOSES), 1, name="cam")(layers.SpatialDropout2D(dropout)(x))
    logits = layers.GlobalAveragePooling2D(name="logits")(cam)
    lesion = layers.Dense(1, name="lesion")(layers.Dropout(dropout)(features))
    covered = layers.Dense(1, name="covered")(features)
    concepts = layers.Dense(len(CONCEPTS), name="concepts")(features)

    y = layers.Conv2D(DECODER_CHANNELS, 1, name="mask_from_32")(taps["deep"])
    for stride in (16, 8):
        y = layers.UpSampling2D(2, interpolation="bilinear")(y)
        side = layers.Conv2D(DECODER_CHANNELS, 1, name=f"mask_from_{stride}")(taps[stride])
        y = layers.ReLU(6.0)(layers.Add()([y, side]))
        y = layers.SeparableConv2D(
            DECODER_CHANNELS, 3, padding="same", activation="relu6", name=f"mask_mix_{stride}"
        )(y)
    mask = layers.Conv2D(1, 1, name="mask")(y)
    return {
        "logits": logits,
        "cam": cam,
        "mask": mask,
        "lesion": lesion,
        "covered": covered,
        "concepts": concepts,
        "features": features,
    }
