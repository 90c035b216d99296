"""The converted backbone against the original's own outputs."""

import keras
import numpy as np
import pytest

from ml import network
from ml.network import backbone, kernels

# Every tenth of the first 160 pooled features of the PyTorch package's network (its own code and
# weights, extract_features, mean over the map) for the picture below.
ORIGINAL = [
    *(0.02899, 0.0, 0.0, 0.03281, 0.01128, 0.0, 0.0, 0.0),
    *(0.0, 0.0, 0.0, 0.0, 0.0, 0.50368, 1.24163, 0.0),
]
ORIGINAL_MEAN, ORIGINAL_DEVIATION = 0.18344, 0.52273


@pytest.fixture(scope="module")
def pretrained() -> keras.Model:
    model = network.build()
    backbone.load_imagenet(model)
    return model


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    y, x = np.mgrid[:224, :224]
    return np.stack([x, y, (x * y) % 224], axis=-1)[None].astype(np.float32)


def test_the_backbone_answers_as_the_original(pretrained, picture):
    features = pretrained(picture, training=False)["features"].numpy()[0]
    assert features[:160:10] == pytest.approx(ORIGINAL, abs=1e-4)
    assert features.mean() == pytest.approx(ORIGINAL_MEAN, abs=1e-4)
    assert features.std() == pytest.approx(ORIGINAL_DEVIATION, abs=1e-4)


def test_folding_batch_norms_changes_nothing(pretrained, picture):
    folded = network.build(folded=True)
    backbone.fold(pretrained, folded)
    expected, answer = pretrained(picture), folded(picture)
    for name in ("logits", "cam", "mask", "features"):
        assert answer[name].numpy() == pytest.approx(expected[name].numpy(), abs=2e-4), name


def test_freezing_leaves_the_first_blocks_alone(pretrained):
    backbone.freeze(pretrained, 5)
    assert not pretrained.get_layer("block4_project_bn").trainable
    assert pretrained.get_layer("block5_expand_conv").trainable


def test_the_fast_gradient_of_a_5x5_kernel_is_tensorflows():
    import tensorflow as tf

    rng = np.random.default_rng(0)
    x, kernel = (tf.constant(rng.normal(size=s), tf.float32) for s in ((2, 9, 7, 3), (5, 5, 3, 1)))

    def gradients(convolve):
        with tf.GradientTape() as tape:
            tape.watch((x, kernel))
            loss = tf.reduce_sum(convolve(x, kernel) ** 2)
        return tape.gradient(loss, (x, kernel))

    ours = gradients(kernels._depthwise_5x5)
    theirs = gradients(lambda x, k: tf.nn.depthwise_conv2d(x, k, (1, 1, 1, 1), "SAME"))
    for a, b in zip(ours, theirs, strict=True):
        assert a.numpy() == pytest.approx(b.numpy(), rel=1e-4, abs=1e-3)


def test_a_file_of_weights_can_run_nothing(tmp_path):
    import os
    import pickle

    class Hostile:
        def __reduce__(self):
            return os.system, ("true",)

    path = tmp_path / "hostile.pth"
    path.write_bytes(pickle.dumps(1) * 3 + pickle.dumps(Hostile()))
    with pytest.raises(pickle.UnpicklingError, match="no place in a file of weights"):
        backbone.read_torch_state(path)
