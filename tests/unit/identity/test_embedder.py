"""The embedder: which models are accepted, and what it returns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_fer.domain.geometry import Landmarks, Point
from edge_fer.errors import ModelError
from edge_fer.identity.embedder import Embedder
from tests.manifests import emotion_manifest, identity_manifest
from tests.unit.identity.fakes import FixedOutput

LANDMARKS = Landmarks(Point(30, 40), Point(70, 40), Point(50, 60), Point(35, 80), Point(65, 80))


def test_an_embedding_has_length_one() -> None:
    """Whatever the length of the model's output; the model gets one aligned crop."""
    model: Any = FixedOutput(identity_manifest(), 3, 0, 4, 0)
    embedding = Embedder(model).embed(np.zeros((100, 100, 3), np.uint8), LANDMARKS)
    np.testing.assert_allclose(embedding, (0.6, 0, 0.8, 0), rtol=1e-6)
    assert [batch.shape for batch in model.batches] == [(1, 150, 150, 3)]


def test_a_model_without_thresholds_is_refused() -> None:
    """A threshold is a property of the model: without a measured one nobody is matched."""
    model: Any = FixedOutput(identity_manifest().model_copy(update={"thresholds": {}}))
    with pytest.raises(ModelError, match="lacks the thresholds fmr_1e-3_mean, fmr_1e-3_single"):
        Embedder(model)


def test_another_kind_of_model_is_refused() -> None:
    """By the name of its file."""
    model: Any = FixedOutput(emotion_manifest("happy", "sad"))
    with pytest.raises(ModelError, match=r"emotion\.tflite: not an identity model"):
        Embedder(model)
