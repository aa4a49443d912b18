"""Face crop → probabilities of the chosen labels."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_fer.config.schema import EmotionConfig
from edge_fer.domain.geometry import Landmarks
from edge_fer.emotion.classifier import EmotionClassifier
from edge_fer.errors import ConfigError, ModelError
from edge_fer.tflite.manifest import Manifest
from tests.manifests import emotion_manifest, identity_manifest

LABELS = ("angry", "happy", "neutral", "sad", "tired", "fear")
LANDMARKS = Landmarks.from_array(np.array(((30, 40), (70, 40), (50, 60), (35, 80), (65, 80)), np.float32))


def fake_model(manifest: Manifest, values: list[float]) -> Any:
    """A model that returns these values for every crop."""

    class FakeModel(SimpleNamespace):
        def __call__(self, batch: NDArray[Any]) -> tuple[NDArray[np.float32], ...]:
            assert batch.shape == (1, 224, 224, 1)
            return (np.array([values], np.float32),)

    return FakeModel(manifest=manifest)


def classify(manifest: Manifest, values: list[float], **config: Any) -> dict[str, float]:
    """Label → probability."""
    classifier = EmotionClassifier(fake_model(manifest, values), EmotionConfig(**config))
    scores = classifier.classify(np.zeros((100, 100, 3), np.uint8), LANDMARKS)
    return dict(zip(classifier.labels, scores.tolist(), strict=True))


def test_labels_that_are_not_chosen_take_no_part() -> None:
    """The highest logit belongs to such a label; the others are renormalized."""
    scores = classify(emotion_manifest(*LABELS), [0.0, 1.0, 0.0, 0.0, 0.0, 9.0], labels="esi")
    assert list(scores) == ["angry", "happy", "neutral", "sad", "tired"]
    assert sum(scores.values()) == pytest.approx(1)
    assert max(scores, key=lambda label: scores[label]) == "happy"


def test_the_temperature_of_the_manifest_applies() -> None:
    """Logits are divided by it before the softmax."""
    scores = classify(emotion_manifest("happy", "sad", temperature=2.0), [2.0, 0.0])
    assert scores["happy"] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-6)


def test_probabilities_are_only_renormalized() -> None:
    """A model with its own softmax gets no second one."""
    manifest = emotion_manifest("happy", "sad", "fear", kind="probabilities")
    assert classify(manifest, [0.6, 0.2, 0.2], labels=["happy", "sad"])["happy"] == pytest.approx(0.75)


def test_an_unknown_label_is_refused() -> None:
    """The message names it, the hint lists the labels of the model."""
    with pytest.raises(ConfigError, match="has no label joyful") as caught:
        classify(emotion_manifest(*LABELS), [0.0] * 6, labels=["happy", "joyful"])
    assert "tired" in caught.value.hint


def test_a_single_label_is_refused() -> None:
    """A classifier of one label would always be sure."""
    with pytest.raises(ConfigError, match="needs two labels or more"):
        classify(emotion_manifest(*LABELS), [0.0] * 6, labels=["happy", "happy"])


def test_outputs_and_labels_must_match_in_number() -> None:
    """A model with seven outputs and six labels gives no label."""
    with pytest.raises(ModelError, match="has 7 outputs but its manifest lists 6 labels"):
        classify(emotion_manifest(*LABELS), [0.0] * 7)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (identity_manifest(), "not an emotion model"),
        (emotion_manifest("happy"), "lists no labels"),
        (emotion_manifest(*LABELS).model_copy(update={"thresholds": {}}), "lacks the threshold 'confidence'"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(manifest: Manifest, message: str) -> None:
    """Each reason is named."""
    with pytest.raises(ModelError, match=message):
        EmotionClassifier(fake_model(manifest, []), EmotionConfig())
