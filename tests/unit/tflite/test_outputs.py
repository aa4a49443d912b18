"""A classifier's raw output → probabilities."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from edge_fer.errors import ModelError
from edge_fer.tflite.manifest import Output
from edge_fer.tflite.outputs import label_values, probabilities
from tests.manifests import emotion_manifest

logits = arrays(np.float32, st.integers(1, 9), elements=st.floats(-80, 80, width=32))


def logits_output(temperature: float = 1.0) -> Output:
    return Output(kind="logits", labels=("a", "b"), temperature=temperature)


@given(logits, st.floats(0.5, 5))
def test_logits_become_probabilities(values: NDArray[np.float32], temperature: float) -> None:
    """Each in [0, 1], summing to 1, in the order of the logits; no overflow at any size."""
    result = probabilities(values, logits_output(temperature))
    assert result.dtype == np.float32
    assert ((result >= 0) & (result <= 1 + 1e-6)).all()
    assert float(result.sum()) == pytest.approx(1, abs=1e-5)
    assert result[values.argmax()] == result.max()


def test_the_temperature_divides_the_logits() -> None:
    """At 2, a difference of 2 counts as 1."""
    result = probabilities(np.array((2, 0), np.float32), logits_output(temperature=2))
    np.testing.assert_allclose(result, (1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))), rtol=1e-6)


def test_probabilities_are_scaled_only() -> None:
    """A selection of labels sums to 1 again; nothing is divided by zero."""
    output = Output(kind="probabilities", labels=("a", "b"))
    np.testing.assert_allclose(probabilities(np.array((0.6, 0.2), np.float32), output), (0.75, 0.25), rtol=1e-6)
    np.testing.assert_array_equal(probabilities(np.zeros(2, np.float32), output), (0, 0))


@pytest.mark.parametrize(("count", "fits"), [(2, True), (1, False), (3, False)])
def test_a_model_gives_one_value_per_label(count: int, fits: bool) -> None:
    """Another number of outputs is an error of the model that names both numbers."""

    class FakeModel(SimpleNamespace):
        def __call__(self, _batch: NDArray[Any]) -> tuple[NDArray[np.float32], ...]:
            return (np.zeros((1, 1, 1, count), np.float32),)

    model: Any = FakeModel(manifest=emotion_manifest("happy", "sad"))
    if fits:
        assert label_values(model, np.zeros(1)).shape == (2,)
    else:
        with pytest.raises(ModelError, match=f"has {count} outputs but its manifest lists 2 labels"):
            label_values(model, np.zeros(1))
