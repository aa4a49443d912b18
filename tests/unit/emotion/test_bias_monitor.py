"""A warning when everybody seems to feel the same."""

from __future__ import annotations

from edge_fer.domain.faces import Emotion, EmotionState, Identity, IdentityState, Observation, Track, TrackState
from edge_fer.domain.geometry import Box
from edge_fer.emotion.bias_monitor import LabelBiasMonitor


def seen(track_id: int, label: str | None) -> Observation:
    track = Track(track_id, TrackState.CONFIRMED, Box(0, 0, 1, 1), 0, 0, 9, None)
    emotion = Emotion(EmotionState.OK, label) if label else Emotion(EmotionState.ABSTAIN, reason="blurred")
    return Observation(track, 0, None, Identity(IdentityState.UNKNOWN), emotion)


def after(
    minutes: float, *labels: str | None, start_s: float = 0.0, monitor: LabelBiasMonitor | None = None
) -> LabelBiasMonitor:
    """A second a frame, each label on a face of its own."""
    monitor = monitor or LabelBiasMonitor()
    for second in range(round(minutes * 60)):
        monitor.observe([seen(number, label) for number, label in enumerate(labels)], start_s + second)
    return monitor


def test_all_sad_is_odd() -> None:
    """Three people for five minutes, sad throughout."""
    warning = after(5, "sad", "sad", "sad").warning()
    assert warning is not None
    assert "100% of the last half hour's labels, of 3 visits, are 'sad'" in warning


def test_a_mixed_class_is_not() -> None:
    """Two thirds neutral is a classroom."""
    assert after(20, "neutral", "neutral", "happy").warning() is None


def test_one_quiet_person_is_not() -> None:
    """An hour of one face says nothing about the model."""
    assert after(60, "neutral").warning() is None


def test_a_short_while_is_not() -> None:
    """Three minutes of three faces are too little to judge."""
    assert after(3, "sad", "sad", "sad").warning() is None


def test_abstaining_counts_for_nothing() -> None:
    """Where no label is given, none is in excess."""
    assert after(30, None, None, None, None).warning() is None


def test_what_is_long_past_is_forgotten() -> None:
    """After half an hour of variety the warning is gone."""
    monitor = after(10, "sad", "sad", "sad")
    assert monitor.warning() is not None
    assert after(31, "happy", "neutral", "sad", start_s=600, monitor=monitor).warning() is None


def test_a_pause_is_no_presence() -> None:
    """A camera that was away for an hour does not add an hour of the last label."""
    monitor = LabelBiasMonitor()
    for hour in range(5):
        monitor.observe([seen(number, "sad") for number in range(4)], hour * 3600.0)
    assert monitor.warning() is None
