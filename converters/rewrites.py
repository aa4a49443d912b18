"""Rewrites of PReLU that change no result: one stays inside the XNNPACK delegate in 8 bits, one is cheaper in float."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.keras_files import library_of

Floats = NDArray[np.float32]


def split_prelu(x: Any, slope: Floats, library: Any) -> Any:
    """PReLU as a·x ± relu(|1 − a|·x): two products and a sum, where PRELU itself is outside the delegate.

    Args:
        x: Tensor of `library`, keras or tf_keras.
        slope: a, one per channel or of the shape of `x`.
    """
    slope = slope.reshape((1,) * (len(x.shape) - slope.ndim) + slope.shape)  # same rank: no RESHAPE in the graph
    relu = library.layers.ReLU()
    bent = relu(x * np.abs(1 - slope))
    if (slope > 1).any():
        bent = bent * np.where(slope > 1, -1.0, 1.0).astype(np.float32)
    return x * slope + bent


@dataclass(frozen=True, eq=False)
class LatePReLU:
    """Convolution → PReLU → max pooling, in the order convolution → max pooling → PReLU; see `late_prelu`.

    Attributes:
        kernel, bias: Of the convolution, with one output more for each negative slope.
        first, second: (1, 1, outputs, channels): 1×1 kernels; the larger of their two results is the answer.
        sign: (channels,): ±1, by which the answer is still to be multiplied.
    """

    kernel: Floats
    bias: Floats
    first: Floats
    second: Floats
    sign: Floats


def late_prelu(kernel: Floats, bias: Floats, slope: Floats) -> LatePReLU:
    """Take PReLU from the full map, where it costs most, to the pooled one.

    With m = pool(u), the largest u of a window, and prelu(u) = max(u, a·u) for a ≤ 1, min(u, a·u) for a > 1:

    - 0 ≤ a ≤ 1: prelu rises with u, so pool(prelu(u)) = prelu(m) = max(m, a·m).
    - a > 1: the same, prelu(m) = min(m, a·m) = −max(−m, −a·m); the next convolution takes the sign.
    - a < 0: pool(max(u, a·u)) = max(m, −a·pool(−u)): the convolution gives −u as a further output.

    Nothing is rounded that PReLU did not round: negations are exact, and each 1×1 output has one term.

    Args:
        kernel: (height, width, channels in, channels).
        slope: a, one per channel.
    """
    negative = np.flatnonzero(slope < 0)
    channels = np.arange(len(slope))
    sign = np.where(slope > 1, -1, 1).astype(np.float32)
    first, second = np.zeros((2, 1, 1, len(slope) + len(negative), len(slope)), np.float32)
    first[0, 0, channels, channels] = sign
    second[0, 0, channels, channels] = np.where(slope < 0, 0, sign * slope)
    second[0, 0, len(slope) + np.arange(len(negative)), negative] = -slope[negative]
    widened = [np.concatenate((part, -part[..., negative]), axis=-1) for part in (kernel, bias)]
    return LatePReLU(widened[0], widened[1], first, second, sign)


def without_prelu(model: Any) -> Any:
    """The same network with every PReLU split; the model itself where it has none.

    Works on graphs of layers that are each used once.
    """
    library = library_of(model)
    if not any(type(layer).__name__ == "PReLU" for layer in model.layers):
        return model

    class SplitPReLU(library.layers.Layer):  # type: ignore[misc, name-defined]
        """split_prelu as a layer, so that a model can be cloned with it."""

        def __init__(self, slope: Floats, **keywords: Any) -> None:
            super().__init__(**keywords)
            self.slope = slope

        def call(self, x: Any) -> Any:
            return split_prelu(x, self.slope, library)

    def replaced(layer: Any) -> Any:
        if type(layer).__name__ != "PReLU":
            return type(layer).from_config(layer.get_config())
        return SplitPReLU(np.asarray(layer.get_weights()[0]), name=layer.name)

    clone = library.models.clone_model(model, clone_function=replaced)
    for layer in model.layers:
        if layer.weights and type(layer).__name__ != "PReLU":
            clone.get_layer(layer.name).set_weights(layer.get_weights())
    return clone
