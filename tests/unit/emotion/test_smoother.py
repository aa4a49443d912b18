"""Classifications over time → a label: smoothing, hysteresis, abstention."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_fer.config.schema import EmotionConfig
from edge_fer.domain.faces import EmotionState
from edge_fer.emotion.smoother import EmotionHistory, EmotionSmoother


def make_smoother(**config: Any) -> EmotionSmoother:
    return EmotionSmoother(("happy", "sad"), 0.4, EmotionConfig(**config))


def history_of(smoother: EmotionSmoother, *steps: tuple[float, float]) -> EmotionHistory:
    """The history after these (time, probability of happy)."""
    history = EmotionHistory()
    for now_s, happy in steps:
        history = smoother.update(history, np.array((happy, 1 - happy), np.float32), now_s)
    return history


def test_a_single_outlier_changes_nothing() -> None:
    """One sad frame in a happy second does not flicker."""
    smoother = make_smoother()
    steps = [(i / 10, 0.9) for i in range(20)] + [(2.0, 0.0), (2.1, 0.9)]
    for count in range(20, 23):
        assert smoother.decide(history_of(smoother, *steps[:count]), None, steps[count - 1][0]).label == "happy"


@pytest.mark.parametrize("sad", [0.9, 0.6])
def test_a_lasting_change_shows_within_a_second(sad: float) -> None:
    """After one window of the new expression the label has changed, however sure the old one was."""
    smoother = make_smoother()
    steps = [(i / 5, 1.0) for i in range(10)] + [(2 + i / 5, 1 - sad) for i in range(6)]
    assert smoother.decide(history_of(smoother, *steps), None, 3.0).label == "sad"


@pytest.mark.parametrize("fps", [10, 30])
def test_smoothing_does_not_depend_on_the_frame_rate(fps: int) -> None:
    """Half a window after a change, both expressions count half; after a window the old one does not count."""
    smoother = make_smoother(window_s=1.0)
    steps = [(i / fps, 1.0) for i in range(2 * fps)] + [(2 + i / fps, 0.0) for i in range(fps)]
    half, full = history_of(smoother, *steps[: 2 * fps + fps // 2]), history_of(smoother, *steps)
    assert half.scores is not None
    assert full.scores is not None
    assert half.scores[0] == pytest.approx(0.5, abs=1 / fps)
    assert full.scores[0] == pytest.approx(0.0, abs=1 / fps)


def test_a_score_at_the_threshold_does_not_flicker() -> None:
    """Keeping a label takes a lower score than getting it."""
    smoother = EmotionSmoother(("happy", "sad", "fear"), 0.5, EmotionConfig(window_s=0.001, min_dwell_s=0.0))
    history = EmotionHistory()
    labels = []
    for number, happy in enumerate((0.51, 0.48, 0.51, 0.41, 0.49, 0.39)):
        rest = (1 - happy) / 2
        history = smoother.update(history, np.array((happy, rest, rest), np.float32), float(number))
        labels.append(history.label)
    assert labels == [0] * 5 + [-1]


def test_a_label_stays_for_its_dwell_time() -> None:
    """A clear change of expression counts only after min_dwell_s."""
    smoother = make_smoother(window_s=0.01, min_dwell_s=0.8)
    steps = [(0.0, 1.0), (0.5, 0.0), (0.7, 0.0), (0.9, 0.0)]
    labels = [smoother.decide(history_of(smoother, *steps[:count]), None, 0.0).label for count in (2, 3, 4)]
    assert labels == ["happy", "happy", "sad"]


def test_below_the_confidence_no_label_is_given() -> None:
    """An even distribution abstains, with the reason."""
    smoother = EmotionSmoother(("happy", "sad", "fear"), 0.5, EmotionConfig())
    history = smoother.update(EmotionHistory(), np.array((0.4, 0.3, 0.3), np.float32), 0.0)
    emotion = smoother.decide(history, None, 0.0)
    assert (emotion.state, emotion.label, emotion.reason) == (EmotionState.ABSTAIN, None, "low confidence")
    assert sum(emotion.scores.values()) == pytest.approx(1)


def test_a_configured_confidence_replaces_the_models() -> None:
    """emotion.min_confidence above the score: no label, where the model's own threshold would give one."""
    history = history_of(make_smoother(), (0.0, 0.6))
    assert make_smoother().decide(history, None, 0.0).label == "happy"
    strict = make_smoother(min_confidence=0.7)
    assert strict.decide(history_of(strict, (0.0, 0.6)), None, 0.0).reason == "low confidence"


def test_a_short_miss_keeps_the_label_and_a_long_one_ends_it() -> None:
    """One rejected frame changes nothing; after the window the reason is given."""
    smoother = make_smoother(window_s=1.0)
    history = history_of(smoother, (0.0, 0.9), (0.1, 0.9))
    assert smoother.decide(history, "turned away", 0.5).label == "happy"
    assert smoother.decide(history, "turned away", 2.0).reason == "turned away"
    assert smoother.decide(history, None, 2.0).reason == "not seen"


def test_before_the_first_classification_there_are_no_scores() -> None:
    """A face that is too small from the start abstains with this reason."""
    smoother = make_smoother()
    assert smoother.decide(EmotionHistory(), "face too small", 0.0).reason == "face too small"
    assert smoother.decide(EmotionHistory(), None, 0.0).reason == "no crop yet"
    assert smoother.decide(EmotionHistory(), None, 0.0).scores == {}


def test_waiting_makes_a_face_more_urgent() -> None:
    """Not due before refresh_s is over; the first classification is due at once."""
    smoother = make_smoother(refresh_s=0.2)
    history = history_of(smoother, (1.0, 0.9))
    assert smoother.urgency(history, 1.1, 0.0) == 0
    assert smoother.urgency(history, 2.0, 0.0) == pytest.approx(5.0)
    assert smoother.urgency(EmotionHistory(), 3.0, 3.0) == 1.0
    assert smoother.urgency(EmotionHistory(), 4.0, 3.0) == pytest.approx(5.0)
