"""Rewrites of a graph that change no result but keep it inside the XNNPACK delegate in 8 bits."""

from __future__ import annotations

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
