"""What the network is asked for: one loss a head, and their sum."""

from keras import ops

LABEL_SMOOTHING = 0.05
DISTILLED = 0.7  # share of the loss that follows the teachers, where there are any
WEIGHTS = {"diagnosis": 1.0, "mask": 0.3, "lesion": 0.2, "covered": 0.2, "concepts": 0.2}


def total(outputs: dict, targets: dict):
    """The mean loss of a batch, and each head's part of it, unweighted.

    ``targets``: as ``augmentation.mixup`` gives them, with ``taught`` (n, 7), the teachers' mean
    probabilities, where there are any.
    """
    parts = {
        "diagnosis": diagnosis(outputs["logits"], targets),
        "mask": mask(outputs["mask"], *targets["mask"]),
        "lesion": _entropy(targets["lesion"], outputs["lesion"])[:, 0],
        "covered": known_shares(outputs["covered"], *targets["covered"]),
        "concepts": known_shares(outputs["concepts"], *targets["concepts"]),
    }
    parts = {name: ops.mean(part) for name, part in parts.items()}
    return sum(WEIGHTS[name] * part for name, part in parts.items()), parts


def diagnosis(logits, targets: dict):
    """−log of the allowed diagnoses' summed probability, smoothed, of ``allowed`` (n, 7) and
    ``other`` (n, 7) by the ``share`` (n,) of the first; an empty set (no lesion) costs nothing.

    With teachers, the cross-entropy of what they say counts for DISTILLED of it (Hinton et al.,
    arXiv 1503.02531).
    """
    logp = ops.log_softmax(ops.cast(logits, "float32"))

    def one(allowed):
        known = ops.cast(ops.any(allowed > 0, axis=1), "float32")
        log_sum = ops.logsumexp(ops.where(allowed > 0, logp, -1e9), axis=1)
        smooth = -ops.mean(logp, axis=1)
        return known * ((1 - LABEL_SMOOTHING) * -log_sum + LABEL_SMOOTHING * smooth)

    share = targets["share"]
    hard = share * one(targets["allowed"]) + (1 - share) * one(targets["other"])
    if "taught" not in targets:
        return hard
    return (1 - DISTILLED) * hard - DISTILLED * ops.sum(targets["taught"] * logp, axis=1)


def mask(logits, truth, known):
    """Cross-entropy and soft Dice of (n, m, m, 1), where ``known`` (n,) is 1."""
    logits = ops.cast(logits, "float32")
    probability = ops.sigmoid(logits)
    axes = (1, 2, 3)
    overlap = ops.sum(truth * probability, axes)
    size = ops.sum(truth, axes) + ops.sum(probability, axes)
    return known * (ops.mean(_entropy(truth, logits), axes) + 1 - (2 * overlap + 1) / (size + 1))


def known_shares(logits, shares, known):
    """Cross-entropy of shares of 0–1, both (n, k), where ``known`` (n, k) is 1."""
    return ops.mean(known * _entropy(shares, logits), axis=1)


def _entropy(target, logits):
    logits = ops.cast(logits, "float32")
    return ops.maximum(logits, 0) - logits * target + ops.log1p(ops.exp(-ops.abs(logits)))
