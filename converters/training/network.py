"""The emotion network: the lower stages of dlib's face ResNet on gray pixels.

Its 21 convolutions on the main path start from dlib's CC0 face recognition weights: a network that has seen three
million faces needs fewer epochs. In training each is followed by batch normalization, which is folded into its kernel
when the network is shipped: a graph of convolutions with biases, ReLU, ADD, one max pooling, one mean and one dense
layer is taken whole by XNNPACK in int8 (../../docs/emotion.md).

Two heads are trained on one trunk: `label` (FER2013's labels and tired) and `votes` (FER+ votes). Both are linear in
the same 128 features, so `shipped` merges them into one dense layer at no cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from converters.training.augment import CROP_PX
from converters.training.labels import BASIC, LABELS, TIRED
from edge_fer.errors import SourceError

Floats = NDArray[np.float32]
Convolutions = Mapping[str, tuple[Floats, Floats]]
"""Kernel (k, k, in, out) and bias (out,) by the layer's name."""

STAGES = ((32, 3), (64, 4), (128, 3))
"""(channels, residual blocks) of dlib's stages that are kept; the two 256-channel stages are left out."""

HALF_RANGE = 128.0
"""Training scales pixels to −1…1, so that the stem's weights are as large as the others' and learn at their pace; the
shipped network has the scaling folded into the stem and takes raw pixels."""

NORM_MEMORY = 0.999
"""Momentum of the normalization's means: as long as that of the averaged weights which they are kept beside."""


class Normalization(layers.BatchNormalization):  # type: ignore[misc]  # keras has no types
    """Batch normalization by TensorFlow's one kernel; Keras' own takes three passes and half of a step's time."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """(b, h, w, c) → the same shape, each channel with mean beta and standard deviation gamma in training."""
        if not training or keras.backend.backend() != "tensorflow":
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf  # noqa: PLC0415  # the other backends do without

        out, *seen = tf.compat.v1.nn.fused_batch_norm(inputs, self.gamma, self.beta, epsilon=self.epsilon)[:3]
        for kept, batch in zip((self.moving_mean, self.moving_variance), seen, strict=True):
            kept.assign(kept * self.momentum + batch * (1 - self.momentum))
        return out


def trunk_features(pixels: Any, *, dropout: float = 0.0, normalized: bool = False) -> Any:
    """(b, 112, 112, 1) → (b, 128) features; `normalized` in training only."""
    x = _conv(pixels, "stem", STAGES[0][0], 7, stride=2, padding="valid", normalized=normalized)
    x = layers.MaxPooling2D(3, 2, name="stem_pool")(layers.ReLU(name="stem_relu")(x))
    for stage, (channels, blocks) in enumerate(STAGES):
        for block in range(blocks):
            down = stage > 0 and block == 0
            x = _residual(x, f"s{stage}b{block}", channels, down=down, normalized=normalized)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return layers.Dropout(dropout, name="dropout")(x) if dropout else x


def training_model(dropout: float) -> keras.Model:
    """Trunk with both heads; inputs (s, s, 1) gray 0–255 of any s, outputs logits `label` (8) and `votes` (7)."""
    pixels = layers.Input((None, None, 1), name="pixels")
    scaled = layers.Rescaling(1 / HALF_RANGE, -1, name="scaled")(pixels)
    features = trunk_features(scaled, dropout=dropout, normalized=True)
    small = keras.initializers.RandomNormal(stddev=0.01)
    heads = {
        "label": layers.Dense(len(LABELS), name="label", dtype="float32", kernel_initializer=small)(features),
        "votes": layers.Dense(len(BASIC), name="votes", dtype="float32", kernel_initializer=small)(features),
    }
    return keras.Model(pixels, heads, name="emotion_training")


def folded_convolutions(trained: keras.Model) -> Convolutions:
    """Every convolution of a `training_model` with its normalization folded in."""
    found: dict[str, tuple[Floats, Floats]] = {}
    for layer in convolutions(trained):
        norm = norm_of(trained, layer)
        if norm is None:
            kernel, bias = layer.get_weights()
        else:
            (kernel,), (scale, shift, mean, variance) = layer.get_weights(), norm.get_weights()
            scale = scale / np.sqrt(variance + norm.epsilon)
            kernel, bias = kernel * scale, shift - mean * scale
        found[layer.name] = kernel, bias
    return found


def load_weights(model: keras.Model, path: Path) -> None:
    """Fill a `training_model` from a .weights.h5 file.

    Raises:
        SourceError: The file is missing, cut off, or holds the weights of another network.
    """
    try:
        model.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        first = str(error).splitlines()[0]
        raise SourceError(
            f"{path}: {first}", "give weights that converters.training.emotion wrote, or train again without --resume"
        ) from error


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
    """The network of the contract: (224, 224, 1) gray 0–255 → softmax over LABELS.

    Args:
        trained: A `training_model` with its weights.
        votes_share: Part of the votes head in the logits of the seven basic labels, 0–1.
        temperature: Divides the logits.
        tired_bonus: Added to tired's logit, before the temperature divides.
    """
    with computing_in("float32"):
        pixels = layers.Input((CROP_PX, CROP_PX, 1), name="gray")
        front = layers.Conv2D(1, 2, 2, use_bias=False, name="front")
        features = trunk_features(front(pixels))
        logits = layers.Dense(len(LABELS), name="logits")(features)
        model = keras.Model(pixels, layers.Softmax(name="emotion")(logits), name="emotion_arch")
    front.set_weights([np.full((2, 2, 1, 1), 0.25, np.float32)])
    for name, (kernel, bias) in folded_convolutions(trained).items():
        if name == "stem":
            kernel, bias = kernel / HALF_RANGE, bias - kernel.sum(axis=(0, 1, 2))  # noqa: PLW2901  # raw pixels
        model.get_layer(name).set_weights([kernel, bias])
    kernel, bias = merged_heads(trained, votes_share)
    bias[TIRED] += tired_bonus
    model.get_layer("logits").set_weights([kernel / temperature, bias / temperature])
    return model


def merged_heads(trained: keras.Model, votes_share: float) -> tuple[Floats, Floats]:
    """One dense layer (kernel (128, 8), bias (8,)): a weighted mean of both heads' logits; tired from `label`.

    The heads' logits are first centered over the basic labels, so that tired keeps its odds against them.
    """
    kernel, bias = (np.array(part, np.float32) for part in trained.get_layer("label").get_weights())
    other, other_bias = (np.array(part, np.float32) for part in trained.get_layer("votes").get_weights())
    basic = slice(0, len(BASIC))
    gap = kernel[:, basic].mean(axis=1, keepdims=True) - other.mean(axis=1, keepdims=True)
    gap_bias = bias[basic].mean() - other_bias.mean()
    kernel[:, basic] = (1 - votes_share) * kernel[:, basic] + votes_share * (other + gap)
    bias[basic] = (1 - votes_share) * bias[basic] + votes_share * (other_bias + gap_bias)
    return kernel, bias


def _conv(
    x: Any, name: str, channels: int, size: int, *, stride: int = 1, padding: str = "same", normalized: bool
) -> Any:
    x = layers.Conv2D(channels, size, stride, padding=padding, use_bias=not normalized, name=name)(x)
    return Normalization(momentum=NORM_MEMORY, name=f"{name}_norm")(x) if normalized else x


def _residual(x: Any, name: str, channels: int, *, down: bool, normalized: bool) -> Any:
    y = _conv(x, f"{name}_a", channels, 3, stride=2 if down else 1, normalized=normalized)
    y = _conv(layers.ReLU(name=f"{name}_a_relu")(y), f"{name}_b", channels, 3, normalized=normalized)
    if down:
        x = layers.Conv2D(channels, 2, 2, padding="same", name=f"{name}_skip")(x)
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([y, x]))


def convolutions(model: keras.Model) -> Iterator[Any]:
    """In the order of the graph, which is dlib's from the input upwards."""
    return (layer for layer in model.layers if isinstance(layer, layers.Conv2D))


def norm_of(model: keras.Model, convolution: Any) -> Any | None:
    """The normalization behind a convolution; skips have none."""
    return None if convolution.use_bias else model.get_layer(f"{convolution.name}_norm")
