"""The emotion network: the lower stages of dlib's face ResNet on grey pixels, without batch normalisation.

Its 21 convolutions on the main path start from dlib's CC0 face recognition weights with their affine layers folded in:
a network that has seen three million faces needs fewer epochs. A graph of convolutions with biases, ReLU, ADD, one max
pooling, one mean and one dense layer is taken whole by XNNPACK in int8 (../../docs/emotion.md).

Two heads are trained on one trunk: `label` (FER2013's labels and tired) and `votes` (FER+ votes). Both are linear in
the same 128 features, so `shipped` merges them into one dense layer at no cost.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from converters import dlib_file
from converters.training.augment import CROP_PX
from converters.training.labels import BASIC, LABELS, TIRED
from edge_fer.errors import SourceError

Floats = NDArray[np.float32]

STAGES = ((32, 3), (64, 4), (128, 3))
"""(channels, residual blocks) of dlib's stages that are kept; the two 256-channel stages are left out."""

HALF_RANGE = 128.0
"""Training scales pixels to −1…1, so that the stem's weights are as large as the others' and learn at their pace; the
shipped network has the scaling folded into the stem and takes raw pixels."""


def trunk_features(pixels: Any, *, dropout: float = 0.0) -> Any:
    """(b, 112, 112, 1) → (b, 128) features."""
    x = _conv(pixels, "stem", STAGES[0][0], 7, stride=2, padding="valid")
    x = layers.MaxPooling2D(3, 2, name="stem_pool")(x)
    for stage, (channels, blocks) in enumerate(STAGES):
        for block in range(blocks):
            down = stage > 0 and block == 0
            x = _residual(x, f"s{stage}b{block}", channels, down=down)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return layers.Dropout(dropout, name="dropout")(x) if dropout else x


def training_model(dropout: float) -> keras.Model:
    """Trunk with both heads; inputs (s, s, 1) grey 0–255 of any s, outputs logits `label` (8) and `votes` (7)."""
    pixels = layers.Input((None, None, 1), name="pixels")
    features = trunk_features(layers.Rescaling(1 / HALF_RANGE, -1, name="scaled")(pixels), dropout=dropout)
    small = keras.initializers.RandomNormal(stddev=0.01)
    heads = {
        "label": layers.Dense(len(LABELS), name="label", dtype="float32", kernel_initializer=small)(features),
        "votes": layers.Dense(len(BASIC), name="votes", dtype="float32", kernel_initializer=small)(features),
    }
    return keras.Model(pixels, heads, name="emotion_training")


def start_from_dlib(model: keras.Model, weights: Path) -> None:
    """Fill every convolution of `model` with dlib's, affine layers folded in; skips become 'average and widen'.

    Raises:
        SourceError: The file is not dlib's face recognition network.
    """
    net = dlib_file.read(weights)
    source = _folded(net)
    for layer in model.layers:
        if not isinstance(layer, layers.Conv2D):
            continue
        if layer.name.endswith("_skip"):
            layer.set_weights(_averaging_skip(*layer.kernel.shape[2:]))
            continue
        kernel, bias = next(source)
        if layer.name == "stem":
            kernel, bias = _on_grey(kernel, bias, net.mean)
        layer.set_weights([kernel, bias])


@contextmanager
def computing_in(policy: str) -> Iterator[None]:
    """Layers made inside follow this dtype policy; what Keras is set to otherwise stays as it was."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def shipped(
    trained: keras.Model, votes_share: float, *, temperature: float = 1.0, tired_bonus: float = 0.0
) -> keras.Model:
    """The network of the contract: (224, 224, 1) grey 0–255 → softmax over LABELS.

    Args:
        trained: A `training_model` with its weights.
        votes_share: Part of the votes head in the logits of the seven basic labels, 0–1.
        temperature: Divides the logits.
        tired_bonus: Added to tired's logit, before the temperature divides.
    """
    with computing_in("float32"):
        pixels = layers.Input((CROP_PX, CROP_PX, 1), name="grey")
        front = layers.Conv2D(1, 2, 2, use_bias=False, name="front")
        features = trunk_features(front(pixels))
        logits = layers.Dense(len(LABELS), name="logits")(features)
        model = keras.Model(pixels, layers.Softmax(name="emotion")(logits), name="emotion_arch")
    front.set_weights([np.full((2, 2, 1, 1), 0.25, np.float32)])
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D) and layer.name != "front":
            layer.set_weights(trained.get_layer(layer.name).get_weights())
    kernel, bias = trained.get_layer("stem").get_weights()
    model.get_layer("stem").set_weights([kernel / HALF_RANGE, bias - kernel.sum(axis=(0, 1, 2))])
    kernel, bias = merged_heads(trained, votes_share)
    bias[TIRED] += tired_bonus
    model.get_layer("logits").set_weights([kernel / temperature, bias / temperature])
    return model


def merged_heads(trained: keras.Model, votes_share: float) -> tuple[Floats, Floats]:
    """One dense layer (kernel (128, 8), bias (8,)): a weighted mean of both heads' logits; tired from `label`.

    The heads' logits are first centred over the basic labels, so that tired keeps its odds against them.
    """
    kernel, bias = (np.array(part, np.float32) for part in trained.get_layer("label").get_weights())
    other, other_bias = (np.array(part, np.float32) for part in trained.get_layer("votes").get_weights())
    basic = slice(0, len(BASIC))
    gap = kernel[:, basic].mean(axis=1, keepdims=True) - other.mean(axis=1, keepdims=True)
    gap_bias = bias[basic].mean() - other_bias.mean()
    kernel[:, basic] = (1 - votes_share) * kernel[:, basic] + votes_share * (other + gap)
    bias[basic] = (1 - votes_share) * bias[basic] + votes_share * (other_bias + gap_bias)
    return kernel, bias


def _conv(x: Any, name: str, channels: int, size: int, *, stride: int = 1, padding: str = "same") -> Any:
    return layers.Conv2D(channels, size, stride, padding=padding, activation="relu", name=name)(x)


def _residual(x: Any, name: str, channels: int, *, down: bool) -> Any:
    stride = 2 if down else 1
    y = _conv(x, f"{name}_a", channels, 3, stride=stride)
    y = layers.Conv2D(channels, 3, padding="same", name=f"{name}_b")(y)
    if down:
        x = layers.Conv2D(channels, 2, 2, padding="same", name=f"{name}_skip")(x)
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([y, x]))


def _averaging_skip(channels_in: int, channels_out: int) -> list[Floats]:
    """dlib's skip past a stride: 2×2 means, new channels zero."""
    kernel = np.zeros((2, 2, channels_in, channels_out), np.float32)
    kernel[:, :, range(channels_in), range(channels_in)] = 0.25
    return [kernel, np.zeros(channels_out, np.float32)]


def _folded(net: dlib_file.DlibNet) -> Iterator[tuple[Floats, Floats]]:
    """Kernel and bias of each convolution, the affine layer behind it folded in, from the input upwards."""
    for convolution, affine in itertools.pairwise(net.layers):
        if convolution.kind == "con_4" and affine.kind == "affine_":
            scale, shift = affine.kernel, affine.bias
            if convolution.kernel is None or convolution.bias is None or scale is None or shift is None:
                raise SourceError("dlib's network lacks weights", dlib_file.HINT)
            yield convolution.kernel * scale, convolution.bias * scale + shift


def _on_grey(kernel: Floats, bias: Floats, mean: tuple[float, float, float]) -> tuple[Floats, Floats]:
    """The stem for one channel of −1…1 instead of (rgb − mean) / 256; exact because it has no padding."""
    offset = HALF_RANGE - np.asarray(mean, np.float32)[:, None]
    return kernel.sum(axis=2, keepdims=True) * (HALF_RANGE / 256), bias + (kernel * offset).sum(axis=(0, 1, 2)) / 256
