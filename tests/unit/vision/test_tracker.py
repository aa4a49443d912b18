"""Scripted boxes with irregular timestamps: one id per visit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_fer.config.schema import TrackingConfig
from edge_fer.domain.faces import Detection, Track, TrackState
from edge_fer.domain.geometry import Box, Landmarks, Point
from edge_fer.vision.tracker import Tracker, associate

CONFIG = TrackingConfig(confirm_hits=3, max_missed_s=1.5)


def face(x: float, y: float = 100, side: float = 60, score: float = 0.99) -> Detection:
    points = Landmarks(
        *(
            Point(x + side * dx, y + side * dy)
            for dx, dy in ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8))
        )
    )
    return Detection(Box(x, y, x + side, y + side), score, points)


def run(steps: Iterable[tuple[float, Sequence[Detection]]], config: TrackingConfig = CONFIG) -> list[tuple[Track, ...]]:
    """The tracks after each of these (time, detections)."""
    tracker = Tracker(config)
    return [tracker.update(detections, tracker.expected(now_s), now_s) for now_s, detections in steps]


def ids(tracks: Iterable[Track], state: TrackState = TrackState.CONFIRMED) -> set[int]:
    return {track.track_id for track in tracks if track.state is state}


def test_a_track_is_confirmed_after_enough_detections() -> None:
    """TENTATIVE until the third one, then CONFIRMED."""
    states = [tracks[0].state for tracks in run((i / 10, [face(100)]) for i in range(4))]
    assert states == [TrackState.TENTATIVE, TrackState.TENTATIVE, TrackState.CONFIRMED, TrackState.CONFIRMED]


def test_a_false_detection_never_becomes_a_visit() -> None:
    """One detection and then none: LOST without ever being CONFIRMED."""
    frames = run([(0, [face(100)]), *((0.1 * i, []) for i in range(1, 12))])
    assert not any(ids(tracks) for tracks in frames)
    assert sum(len(ids(tracks, TrackState.LOST)) for tracks in frames) == 1


def test_low_scores_continue_a_visit_but_begin_none() -> None:
    """With 0.85 a track stays TENTATIVE; one 0.96 confirms it, and 0.85 then continues it."""
    scores = [0.85] * 6 + [0.96] + [0.85] * 5
    frames = run((i / 10, [face(100, score=score)]) for i, score in enumerate(scores))
    states = [tracks[0].state for tracks in frames]
    assert states == [TrackState.TENTATIVE] * 6 + [TrackState.CONFIRMED] * 6


def test_an_id_survives_a_short_miss() -> None:
    """Missed for 1.4 s while moving: the same track goes on."""
    steps = [(i / 10, [face(100 + 5 * i)]) for i in range(10)]
    steps += [(1 + i / 10, []) for i in range(13)]
    steps += [(2.3, [face(130)])]
    frames = run(steps)
    assert ids(frames[-1]) == {1}
    assert all(tracks[0].detection is None for tracks in frames[10:-1])


def test_a_long_absence_ends_the_visit_once() -> None:
    """LOST is reported in exactly one frame, and the face that comes back is a new visit."""
    steps = [(i / 10, [face(100)]) for i in range(10)] + [(1 + i / 10, []) for i in range(30)]
    frames = run([*steps, *((4 + i / 10, [face(100)]) for i in range(4))])
    assert [len(ids(tracks, TrackState.LOST)) for tracks in frames].count(1) == 1
    assert ids(frames[-1]) == {2}


@pytest.mark.parametrize("fps", [4, 10, 30])
def test_lifetimes_are_in_seconds(fps: int) -> None:
    """The visit ends 1.5 s after the last detection at any frame rate."""
    last = 2 * fps
    frames = run((i / fps, [face(100)] if i <= last else []) for i in range(6 * fps))
    lost = next(i for i, tracks in enumerate(frames) if ids(tracks, TrackState.LOST))
    assert 1.5 < (lost - last) / fps <= 1.5 + 1.01 / fps


def test_two_faces_that_pass_keep_their_ids() -> None:
    """Crossing at a distance of half a face, each follows its own motion."""
    steps = []
    for i in range(60):
        steps.append((i / 15, [face(50 + 6 * i, 100), face(410 - 6 * i, 145)]))
    frames = run(steps)
    first, last = ({track.track_id: track.box.x1 for track in tracks} for tracks in (frames[3], frames[-1]))
    assert first.keys() == last.keys() == {1, 2}
    assert first[1] < first[2]
    assert last[1] > last[2]


def test_a_jump_of_most_of_a_face_is_still_the_same_face() -> None:
    """At five frames per second a moving head may not overlap itself."""
    frames = run((i / 5, [face(100 + (42 if i >= 5 else 0))]) for i in range(8))
    assert ids(frames[-1]) == {1}


def test_a_face_of_another_size_is_another_face() -> None:
    """Distance counts only for boxes of similar size."""
    assert associate([Box(0, 0, 60, 60)], [Box(62, 0, 82, 20)], 0.3) == {}


def test_a_missed_track_slows_down() -> None:
    """So that it does not sweep over its neighbors: it stops within the distance of half a second."""
    steps = [(i / 10, [face(100 + 20 * i)]) for i in range(10)] + [(1 + i / 10, []) for i in range(14)]
    frames = run(steps)
    x = frames[-1][0].box.x1
    assert 280 < x < 280 + 200 * 0.5


@st.composite
def scripts(draw: st.DrawFn) -> list[tuple[float, list[Detection]]]:
    now_s, steps = 0.0, []
    for _ in range(draw(st.integers(1, 25))):
        now_s += draw(st.floats(0, 2))
        boxes = draw(st.lists(st.tuples(st.floats(-50, 600), st.floats(-50, 400), st.floats(1, 200)), max_size=5))
        steps.append((now_s, [face(*box) for box in boxes]))
    return steps


@given(scripts())
@settings(max_examples=80, deadline=None)
def test_tracker_invariants(steps: list[tuple[float, list[Detection]]]) -> None:
    """Each detection belongs to one track, no id comes back after LOST, boxes stay finite."""
    ended: set[int] = set()
    for (now_s, detections), tracks in zip(steps, run(steps), strict=True):
        assert sorted(id(track.detection) for track in tracks if track.detection) == sorted(map(id, detections))
        numbers = [track.track_id for track in tracks]
        assert len(numbers) == len(set(numbers))
        assert not ended & set(numbers)
        ended |= ids(tracks, TrackState.LOST)
        for track in tracks:
            assert track.first_seen_s <= track.last_seen_s <= now_s
            assert all(math.isfinite(value) for value in track.box.xyxy())


def test_a_missed_track_is_reported_until_it_is_detected_again() -> None:
    """Which is when a search is due; without tracks there is nothing to miss."""
    tracker = Tracker(CONFIG)
    missed = []
    for number, detections in enumerate(([], [face(100)], [], [face(100)])):
        tracker.update(detections, tracker.expected(number / 10), number / 10)
        missed.append(tracker.has_missed)
    assert missed == [False, False, True, False]


def test_ended_tracks_are_gone_and_their_ids_are_not_used_again() -> None:
    """The next detection in the same place is another track."""
    tracker = Tracker(CONFIG)
    tracker.update([face(100)], (), 0.0)
    tracker.end_tracks()
    assert tracker.expected(0.1) == ()
    assert [track.track_id for track in tracker.update([face(100)], (), 0.1)] == [2]


def test_a_moving_face_is_expected_ahead() -> None:
    """By its velocity, which approaches 100 px/s here."""
    tracker = Tracker(CONFIG)
    for number in range(30):
        tracker.update([face(100 + 10 * number)], tracker.expected(number / 10), number / 10)
    (box,) = tracker.expected(3.0)
    assert box.x1 == pytest.approx(400, abs=1)
