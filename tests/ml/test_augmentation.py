"""What a batch of training pictures and its targets go through."""

import numpy as np
import pytest
import tensorflow as tf

from ml.training import augmentation


@pytest.fixture
def mixed():
    """Targets after mixup of (known, known, not known, known) with the same in reverse: the two
    in the middle are mixed with each other."""
    known = tf.constant([1.0, 1.0, 0.0, 1.0])
    targets = {
        "logits": tf.eye(4, 7),
        "mask": tf.stack([tf.ones((4, 2, 2)), tf.ones((4, 2, 2)) * known[:, None, None]], axis=3),
        "lesion": tf.ones((4, 1)),
        "covered": tf.stack([tf.fill((4,), 0.3), known], axis=1),
    }
    tf.random.set_seed(1)
    batches = [augmentation.mixup(tf.zeros((4, 8, 8, 3)), targets)[1] for _ in range(12)]
    mixtures = [batch for batch in batches if tf.reduce_any(batch["logits"][:, 14] < 1)]
    assert 0 < len(mixtures) < len(batches)
    return batches


def test_a_mixture_with_an_unknown_mask_teaches_no_mask(mixed):
    for batch in mixed:
        share = batch["logits"][:, 14]
        for known in (batch["mask"][:, 0, 0, 1], batch["covered"][:, 1]):
            np.testing.assert_array_equal(known, [1, float(share[1] == 1), 0, 1])


def test_what_is_known_of_both_is_blended(mixed):
    for batch in mixed:
        np.testing.assert_allclose(batch["mask"][..., 0], 1)
        np.testing.assert_allclose(batch["covered"][:, 0], 0.3, rtol=1e-5)
