"""What a classifier's raw output means: one probability per label."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_fer.errors import ModelError
from edge_fer.tflite.manifest import Output
from edge_fer.tflite.model import Floats, Model


def label_values(model: Model, batch: NDArray[Any]) -> Floats:
    """Run a classifier on one input.

    Args:
        model: Its manifest names the labels.
        batch: (1, height, width, channels), as `Model` takes it.

    Returns:
        float32 (labels,): logits or probabilities, as the manifest's `output.kind` says.

    Raises:
        ModelError: The number of outputs differs from the number of labels.
        InferenceError: The model failed.
    """
    values = model(batch)[0].reshape(-1)
    labels = model.manifest.output.labels
    if len(values) != len(labels):
        raise ModelError(
            f"{model.manifest.file}: has {len(values)} outputs but its manifest lists {len(labels)} labels",
            "convert the model again with the right list of labels",
        )
    return values


def probabilities(values: Floats, output: Output) -> Floats:
    """Turn a classifier's values, of all its labels or of some, into probabilities of these labels.

    Logits go through a softmax at the manifest's temperature; probabilities are only scaled.

    Args:
        values: float32 (n,), logits or probabilities.
        output: The output part of the model's manifest.

    Returns:
        float32 (n,), each in [0, 1], summing to 1; all 0 where all given probabilities are 0.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", for the temperature.
    """
    if output.kind == "logits":
        values = np.exp((values - values.max()) / output.temperature)
    return np.asarray(values / max(float(values.sum()), 1e-9), np.float32)
