"""The warning about an emotion model that gives almost the same label to everybody."""

from __future__ import annotations

from edge_fer.domain.faces import Emotion, EmotionState, Identity, IdentityState, Observation, Track, TrackState
from edge_fer.domain.geometry import Box
from edge_fer.emotion.bias_monitor import LabelBiasMonitor


def observed(track_id: int, label: str | None) -> Observation:
    """A face with this label, or one for which the model abstains."""
    track = Track(track_id, TrackState.CONFIRMED, Box(0, 0, 1, 1), 0, 0, 9, None)
    emotion = Emotion(EmotionState.OK, label) if label else Emotion(EmotionState.ABSTAIN, reason="blurred")
    return Observation(track, None, Identity(IdentityState.UNKNOWN), emotion)


def after(
    minutes: float, *labels: str | None, start_s: float = 0.0, monitor: LabelBiasMonitor | None = None
) -> LabelBiasMonitor:
    """A monitor after so many minutes of one frame per second, each label on its own face."""
    monitor = monitor or LabelBiasMonitor()
    for second in range(round(minutes * 60)):
        monitor.observe([observed(number, label) for number, label in enumerate(labels)], start_s + second)
    return monitor


def test_only_sad_faces_give_a_warning() -> None:
    """Three people for five minutes, sad throughout."""
    warning = after(5, "sad", "sad", "sad").warning()
    assert warning is not None
    assert "100% of the last half hour's labels, of 3 visits, are 'sad'" in warning


def test_a_mixture_of_labels_gives_none() -> None:
    """Two thirds neutral is usual in a classroom."""
    assert after(20, "neutral", "neutral", "happy").warning() is None


def test_one_person_gives_none() -> None:
    """An hour of one face proves nothing about the model."""
    assert after(60, "neutral").warning() is None


def test_a_short_time_gives_none() -> None:
    """Three minutes of three faces are not enough."""
    assert after(3, "sad", "sad", "sad").warning() is None


def test_abstentions_do_not_count() -> None:
    """Where no label is given, none can dominate."""
    assert after(30, None, None, None, None).warning() is None


def test_the_warning_ends_with_its_reason() -> None:
    """After half an hour of various labels it is gone."""
    monitor = after(10, "sad", "sad", "sad")
    assert monitor.warning() is not None
    assert after(31, "happy", "neutral", "sad", start_s=600, monitor=monitor).warning() is None


def test_a_pause_does_not_count() -> None:
    """A camera that was lost for an hour does not add an hour of the last label."""
    monitor = LabelBiasMonitor()
    for hour in range(5):
        monitor.observe([observed(number, "sad") for number in range(4)], hour * 3600.0)
    assert monitor.warning() is None
