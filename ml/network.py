"""The one network: a backbone with heads for everything that a decision needs."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ml import backbone
from ml.taxonomy import DIAGNOSES

SIDE = 224  # of the served picture
DECODER_CHANNELS = 48
# What ``quality`` holds, in this order; ``model.json`` has the limits.
QUALITY = ("lesion", "sharpness", "brightness", "glare", "mask_area", "mask_edge", "distance")
DISTANCE_COMPONENTS = 64


def build(dropout: float = 0.3, drop_path: float = 0.1, *, folded: bool = False) -> keras.Model:
    """The trainable network, for square pictures of any side that 32 divides.

    Input: (n, s, s, 3) float32, RGB 0–255. Outputs: ``logits`` (n, 7) in the order of DIAGNOSES,
    ``cam`` (n, s/32, s/32, 7), the class activation map (Zhou et al., CVPR 2016) whose mean over
    the picture is ``logits``, ``mask`` (n, s/8, s/8, 1) logits of the lesion mask, ``lesion``
    (n, 1) the logit that there is a lesion, ``features`` (n, 1280) pooled.
    """
    picture = keras.Input((None, None, 3), name="picture")
    return keras.Model(picture, _heads(picture, dropout, drop_path, folded), name="skincare")


def serving(trained: keras.Model, centres: "Centres") -> keras.Model:
    """The graph for worker and phone: one picture of SIDE, batch norms folded, weights rounded to
    float16, so that the Keras file and the float16 LiteRT file hold the same numbers.

    Outputs: ``logits`` (n, 7), ``cam`` (n, 7, 7, 7), ``mask`` (n, 28, 28, 1) 0–1, ``quality``
    (n, len(QUALITY)).
    """
    picture = keras.Input((SIDE, SIDE, 3), name="picture")
    heads = _heads(picture, 0.0, 0.0, folded=True)
    mask = layers.Activation("sigmoid", name="mask_probability")(heads["mask"])
    lesion = layers.Activation("sigmoid", name="lesion_probability")(heads["lesion"])
    distance = FeatureDistance(DISTANCE_COMPONENTS, len(centres.centres), name="distance")
    quality = Quality(name="quality")([picture, mask, lesion, distance(heads["features"])])
    outputs = {name: heads[name] for name in ("logits", "cam")}
    model = keras.Model(picture, outputs | {"mask": mask, "quality": quality}, name="skincare")
    backbone.fold(trained, model)
    distance.set_weights([centres.projection, centres.offset, centres.centres])
    model.set_weights(
        [np.asarray(w).astype(np.float16).astype(np.float32) for w in model.get_weights()]
    )
    return model


class Centres:
    """Where each known kind of picture lies in feature space, for an out-of-distribution score.

    Whitened principal components and the mean of each kind: the Mahalanobis distance of Lee et
    al. (arXiv 1807.03888) with a covariance of limited rank.
    """

    def __init__(self, features: np.ndarray, kinds: np.ndarray) -> None:
        """``features`` (n, 1280) of training pictures, ``kinds`` (n,) their kind's name."""
        means = {kind: features[kinds == kind].mean(0) for kind in np.unique(kinds)}
        within = features - np.stack([means[kind] for kind in kinds])
        values, vectors = np.linalg.eigh(np.cov(within, rowvar=False))
        keep = slice(-DISTANCE_COMPONENTS, None)
        self.projection = vectors[:, keep] / np.sqrt(np.maximum(values[keep], 1e-8))
        self.offset = -features.mean(0) @ self.projection
        self.centres = np.stack(list(means.values())) @ self.projection + self.offset


@keras.saving.register_keras_serializable("ml")
class FeatureDistance(layers.Layer):
    """(n, 1280) → (n, 1): mean squared distance to the nearest of the Centres."""

    def __init__(self, components: int, centres: int, **settings) -> None:
        super().__init__(**settings)
        self.components, self.count = components, centres

    def build(self, shape) -> None:
        self.projection = self.add_weight(shape=(shape[-1], self.components), trainable=False)
        self.offset = self.add_weight(shape=(self.components,), trainable=False)
        self.centres = self.add_weight(shape=(self.count, self.components), trainable=False)

    def call(self, features):
        z = tf.matmul(features, self.projection) + self.offset
        squares = tf.reduce_mean(tf.square(z[:, None, :] - self.centres[None]), axis=2)
        return tf.reduce_min(squares, axis=1, keepdims=True)

    def get_config(self) -> dict:
        return super().get_config() | {"components": self.components, "centres": self.count}


@keras.saving.register_keras_serializable("ml")
class Quality(layers.Layer):
    """Picture (n, s, s, 3), mask and lesion probabilities, distance → (n, len(QUALITY))."""

    def call(self, inputs):
        picture, mask, lesion, distance = inputs
        luma = tf.reduce_sum(picture * [0.299, 0.587, 0.114], axis=3, keepdims=True) / 255
        brightness = tf.reduce_mean(luma, (1, 2))
        # Mean absolute Laplacian relative to the brightness: falls when the focus is off.
        inner = luma[:, 1:-1, 1:-1]
        around = luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1] + luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:]
        detail = tf.reduce_mean(tf.abs(around - 4 * inner), (1, 2))
        sharpness = detail / (brightness + 0.02)
        glare = tf.reduce_mean(tf.cast(tf.reduce_min(picture, 3) > 245, tf.float32), (1, 2))
        inside = tf.cast(mask > 0.5, tf.float32)
        area = tf.reduce_mean(inside, (1, 2))
        sides = (inside[:, 0], inside[:, -1], inside[:, :, 0], inside[:, :, -1])
        edge = tf.reduce_mean(tf.concat(sides, axis=1), axis=1)
        return tf.concat(
            [lesion, sharpness, brightness, glare[:, None], area, edge, distance], axis=1
        )


def _heads(picture, dropout: float, drop_path: float, folded: bool) -> dict:
    x, taps = backbone.build(picture, drop_path=drop_path, folded=folded)
    features = layers.GlobalAveragePooling2D(name="features")(x)
    # Dropping whole channels before the 1×1 convolution is dropout on the pooled features.
    cam = layers.Conv2D(len(DIAGNOSES), 1, name="cam")(layers.SpatialDropout2D(dropout)(x))
    logits = layers.GlobalAveragePooling2D(name="logits")(cam)
    lesion = layers.Dense(1, name="lesion")(layers.Dropout(dropout)(features))

    y = layers.Conv2D(DECODER_CHANNELS, 1, name="mask_from_32")(taps["deep"])
    for stride in (16, 8):
        y = layers.UpSampling2D(2, interpolation="bilinear")(y)
        side = layers.Conv2D(DECODER_CHANNELS, 1, name=f"mask_from_{stride}")(taps[stride])
        y = layers.ReLU(6.0)(layers.Add()([y, side]))
        y = layers.SeparableConv2D(
            DECODER_CHANNELS, 3, padding="same", activation="relu6", name=f"mask_mix_{stride}"
        )(y)
    mask = layers.Conv2D(1, 1, name="mask")(y)
    return {"logits": logits, "cam": cam, "mask": mask, "lesion": lesion, "features": features}
