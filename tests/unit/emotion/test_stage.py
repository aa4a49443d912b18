"""The emotion stage: urgency, run and conclude on the history of one track."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_fer.config.schema import EmotionConfig
from edge_fer.domain.faces import EmotionState
from edge_fer.domain.geometry import Landmarks, Point
from edge_fer.emotion.classifier import EmotionClassifier
from edge_fer.emotion.smoother import EmotionHistory
from edge_fer.emotion.stage import EmotionStage
from tests.manifests import emotion_manifest

RGB = np.zeros((100, 100, 3), np.uint8)
LANDMARKS = Landmarks(Point(30, 40), Point(70, 40), Point(50, 60), Point(35, 80), Point(65, 80))


def make_stage(*logits: float) -> EmotionStage:
    """A stage whose model returns these logits for happy, sad and fear, as many as are given."""

    class FakeModel(SimpleNamespace):
        def __call__(self, _batch: NDArray[Any]) -> tuple[NDArray[np.float32], ...]:
            return (np.array([logits], np.float32),)

    model: Any = FakeModel(manifest=emotion_manifest(*("happy", "sad", "fear")[: len(logits)]))
    config = EmotionConfig(refresh_s=0.2)
    return EmotionStage(EmotionClassifier(model, config), config)


def test_a_new_track_is_due_and_a_classified_one_is_not() -> None:
    """Until refresh_s is over."""
    stage = make_stage(4, 0)
    assert stage.urgency(EmotionHistory(), 1.0, first_seen_s=1.0) == 1
    history = stage.run(EmotionHistory(), RGB, LANDMARKS, 1.0)
    assert stage.urgency(history, 1.1, first_seen_s=1.0) == 0
    assert stage.urgency(history, 1.4, first_seen_s=1.0) == pytest.approx(2)


def test_a_classification_becomes_the_label() -> None:
    """With the probabilities of the model."""
    stage = make_stage(4, 0)
    emotion = stage.conclude(stage.run(EmotionHistory(), RGB, LANDMARKS, 1.0), None, 1.0)
    assert (emotion.state, emotion.label) == (EmotionState.OK, "happy")
    assert emotion.scores["happy"] == pytest.approx(1 / (1 + np.exp(-4)))


def test_without_a_classification_the_rejection_is_the_reason() -> None:
    """The stage abstains."""
    emotion = make_stage(4, 0).conclude(EmotionHistory(), "blurred", 1.0)
    assert (emotion.state, emotion.reason) == (EmotionState.ABSTAIN, "blurred")


def test_the_confidence_of_the_manifest_applies() -> None:
    """0.4 there: three equal probabilities are below it, two are not."""
    for logits, state in (((0, 0), EmotionState.OK), ((0, 0, 0), EmotionState.ABSTAIN)):
        stage = make_stage(*logits)
        assert stage.conclude(stage.run(EmotionHistory(), RGB, LANDMARKS, 1.0), None, 1.0).state is state


def test_the_age_of_an_emotion() -> None:
    """0 before the first classification: what was never classified has no age."""
    stage = make_stage(4, 0)
    assert stage.age_s(EmotionHistory(), 5.0) == 0
    assert stage.age_s(stage.run(EmotionHistory(), RGB, LANDMARKS, 1.0), 1.5) == 0.5


def test_the_track_keeps_its_own_history() -> None:
    """A run returns a new history and leaves the one given as it was."""
    stage, before = make_stage(4, 0), EmotionHistory()
    after = stage.run(before, RGB, LANDMARKS, 1.0)
    assert before == EmotionHistory()
    assert after.updated_s == 1.0


def test_its_models() -> None:
    """The classifier's only."""
    assert [model.manifest.task for model in make_stage(1, 0).models] == ["emotion"]
