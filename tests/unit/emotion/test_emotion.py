"""Masking, temperature, smoothing, hysteresis, abstention."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_fer.config.schema import EmotionConfig
from edge_fer.domain.faces import EmotionState
from edge_fer.domain.geometry import Landmarks
from edge_fer.emotion.classifier import EmotionClassifier
from edge_fer.emotion.smoother import EmotionHistory, EmotionSmoother
from edge_fer.errors import ConfigError, ModelError
from edge_fer.tflite.manifest import Manifest
from tests.manifests import emotion_manifest

LABELS = ("angry", "happy", "neutral", "sad", "tired", "fear")
POINTS = Landmarks.from_array(np.array(((30, 40), (70, 40), (50, 60), (35, 80), (65, 80)), np.float32))


def fake(manifest: Manifest, raw: list[float]) -> Any:
    class FakeModel(SimpleNamespace):
        def __call__(self, batch: NDArray[Any]) -> tuple[NDArray[np.float32], ...]:
            assert batch.shape == (1, 224, 224, 1)
            return (np.array([raw], np.float32),)

    return FakeModel(manifest=manifest)


def classify(manifest: Manifest, raw: list[float], **config: Any) -> dict[str, float]:
    classifier = EmotionClassifier(fake(manifest, raw), EmotionConfig(**config))
    scores = classifier.classify(np.zeros((100, 100, 3), np.uint8), POINTS)
    return dict(zip(classifier.labels, scores.tolist(), strict=True))


def test_labels_outside_the_choice_are_masked_and_the_rest_renormalized() -> None:
    """The strongest logit belongs to a label that is not chosen: it takes no part."""
    raw = [0.0, 1.0, 0.0, 0.0, 0.0, 9.0]
    scores = classify(emotion_manifest(*LABELS), raw, labels="esi")
    assert list(scores) == ["angry", "happy", "neutral", "sad", "tired"]
    assert sum(scores.values()) == pytest.approx(1)
    assert max(scores, key=lambda label: scores[label]) == "happy"


def test_the_temperature_of_the_manifest_softens() -> None:
    """Logits are divided by it before the softmax."""
    raw = [2.0, 0.0]
    hot = classify(emotion_manifest("happy", "sad", temperature=2.0), raw)
    assert hot["happy"] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-6)


def test_probabilities_are_only_renormalized() -> None:
    """A model with its own softmax is not softened twice."""
    scores = classify(
        emotion_manifest("happy", "sad", "fear", kind="probabilities"), [0.6, 0.2, 0.2], labels=["happy", "sad"]
    )
    assert scores["happy"] == pytest.approx(0.75)


def test_an_unknown_label_is_refused_with_the_choice_named() -> None:
    """The message says which labels the model has."""
    with pytest.raises(ConfigError, match="has no label joyful") as caught:
        classify(emotion_manifest(*LABELS), [0.0] * 6, labels=["happy", "joyful"])
    assert "tired" in caught.value.hint


def test_outputs_and_labels_must_match_in_number() -> None:
    """A model with seven outputs and six labels never gives a label."""
    with pytest.raises(ModelError, match="gives 7 numbers for 6 labels"):
        classify(emotion_manifest(*LABELS), [0.0] * 7)


def smoother(**config: Any) -> EmotionSmoother:
    return EmotionSmoother(("happy", "sad"), 0.4, EmotionConfig(**config))


def fed(judge: EmotionSmoother, *steps: tuple[float, float]) -> EmotionHistory:
    """The mood after (time, probability of happy) pairs."""
    mood = EmotionHistory()
    for now_s, happy in steps:
        mood = judge.update(mood, np.array((happy, 1 - happy), np.float32), now_s)
    return mood


def test_a_single_outlier_changes_nothing() -> None:
    """One sad frame in a happy second does not flicker."""
    judge = smoother()
    steps = [(i / 10, 0.9) for i in range(20)] + [(2.0, 0.0), (2.1, 0.9)]
    for count in range(20, 23):
        assert judge.decide(fed(judge, *steps[:count]), None, steps[count - 1][0]).label == "happy"


@pytest.mark.parametrize("sad", [0.9, 0.6])
def test_a_lasting_change_shows_within_a_second(sad: float) -> None:
    """After one window of the new expression the label has changed, however sure the old one was."""
    judge = smoother()
    steps = [(i / 5, 1.0) for i in range(10)] + [(2 + i / 5, 1 - sad) for i in range(6)]
    assert judge.decide(fed(judge, *steps), None, 3.0).label == "sad"


@pytest.mark.parametrize("fps", [10, 30])
def test_smoothing_does_not_depend_on_the_frame_rate(fps: int) -> None:
    """Half a window after a change, both expressions count half; after a window the old one is forgotten."""
    judge = smoother(window_s=1.0)
    change = [(i / fps, 1.0) for i in range(2 * fps)] + [(2 + i / fps, 0.0) for i in range(fps)]
    half, whole = fed(judge, *change[: 2 * fps + fps // 2]), fed(judge, *change)
    assert half.scores is not None
    assert whole.scores is not None
    assert half.scores[0] == pytest.approx(0.5, abs=1 / fps)
    assert whole.scores[0] == pytest.approx(0.0, abs=1 / fps)


def test_a_score_at_the_threshold_does_not_flicker() -> None:
    """It takes less to keep a label than to get it, and a label stays for its dwell."""
    judge = EmotionSmoother(("happy", "sad", "fear"), 0.5, EmotionConfig(window_s=0.001, min_dwell_s=0.0))
    mood = EmotionHistory()
    labels = []
    for number, happy in enumerate((0.51, 0.48, 0.51, 0.41, 0.49, 0.39)):
        rest = (1 - happy) / 2
        mood = judge.update(mood, np.array((happy, rest, rest), np.float32), float(number))
        labels.append(mood.label)
    assert labels == [0] * 5 + [-1]


def test_below_the_confidence_nothing_is_said() -> None:
    """An even distribution abstains, with the reason."""
    judge = EmotionSmoother(("happy", "sad", "fear"), 0.5, EmotionConfig())
    mood = judge.update(EmotionHistory(), np.array((0.4, 0.3, 0.3), np.float32), 0.0)
    answer = judge.decide(mood, None, 0.0)
    assert (answer.state, answer.label, answer.reason) == (EmotionState.ABSTAIN, None, "low confidence")
    assert sum(answer.scores.values()) == pytest.approx(1)


def test_a_short_miss_keeps_the_label_and_a_long_one_ends_it() -> None:
    """One turned-away frame says nothing; after the window the reason is given."""
    judge = smoother(window_s=1.0)
    mood = fed(judge, (0.0, 0.9), (0.1, 0.9))
    assert judge.decide(mood, "turned away", 0.5).label == "happy"
    assert judge.decide(mood, "turned away", 2.0).reason == "turned away"
    assert judge.decide(mood, None, 2.0).reason == "not seen"


def test_before_the_first_crop_the_reason_is_told() -> None:
    """A face that is too small from the start has no scores at all."""
    judge = smoother()
    assert judge.decide(EmotionHistory(), "face too small", 0.0).reason == "face too small"
    assert judge.decide(EmotionHistory(), None, 0.0).scores == {}


def test_waiting_makes_a_face_more_urgent() -> None:
    """Due at the target's age; the first classification at once, and ever more so."""
    judge = smoother(refresh_s=0.2)
    mood = fed(judge, (1.0, 0.9))
    assert judge.urgency(mood, 1.1, 0.0) == pytest.approx(0.5)
    assert judge.urgency(mood, 2.0, 0.0) == pytest.approx(5.0)
    assert judge.urgency(EmotionHistory(), 3.0, 3.0) == 1.0
    assert judge.urgency(EmotionHistory(), 4.0, 3.0) == pytest.approx(5.0)
