"""Scripted boxes with irregular timestamps: one visit, one id."""

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
    tracker = Tracker(config)
    return [tracker.update(found, now_s) for now_s, found in steps]


def ids(tracks: Iterable[Track], state: TrackState = TrackState.CONFIRMED) -> set[int]:
    return {track.track_id for track in tracks if track.state is state}


def test_a_face_is_believed_after_enough_hits() -> None:
    """TENTATIVE until the third detection, then CONFIRMED, with one id."""
    states = [tracks[0].state for tracks in run((i / 10, [face(100)]) for i in range(4))]
    assert states == [TrackState.TENTATIVE, TrackState.TENTATIVE, TrackState.CONFIRMED, TrackState.CONFIRMED]


def test_a_false_alarm_never_becomes_a_visit() -> None:
    """One detection and then none: LOST without ever being CONFIRMED."""
    seen = run([(0, [face(100)]), *((0.1 * i, []) for i in range(1, 12))])
    assert not any(ids(tracks) for tracks in seen)
    assert sum(len(ids(tracks, TrackState.LOST)) for tracks in seen) == 1


def test_doubtful_detections_carry_a_visit_on_but_begin_none() -> None:
    """Scores of 0.85 stay TENTATIVE however many they are; one of 0.96 confirms, and 0.85 then keeps the track."""
    scores = [0.85] * 6 + [0.96] + [0.85] * 5
    seen = run((i / 10, [face(100, score=score)]) for i, score in enumerate(scores))
    states = [tracks[0].state for tracks in seen]
    assert states == [TrackState.TENTATIVE] * 6 + [TrackState.CONFIRMED] * 6


def test_an_id_survives_a_short_miss() -> None:
    """Missed for 1.4 s while moving: the same track goes on."""
    steps = [(i / 10, [face(100 + 5 * i)]) for i in range(10)]
    steps += [(1 + i / 10, []) for i in range(13)]
    steps += [(2.3, [face(130)])]
    seen = run(steps)
    assert ids(seen[-1]) == {1}
    assert all(tracks[0].detection is None for tracks in seen[10:-1])


def test_a_long_absence_ends_the_visit_once() -> None:
    """LOST is reported in exactly one frame, and the face that comes back is a new visit."""
    steps = [(i / 10, [face(100)]) for i in range(10)] + [(1 + i / 10, []) for i in range(30)]
    seen = run([*steps, *((4 + i / 10, [face(100)]) for i in range(4))])
    assert [len(ids(tracks, TrackState.LOST)) for tracks in seen].count(1) == 1
    assert ids(seen[-1]) == {2}


@pytest.mark.parametrize("fps", [4, 10, 30])
def test_lifetimes_are_in_seconds(fps: int) -> None:
    """The visit ends 1.5 s after the last detection at any frame rate."""
    last = 2 * fps
    seen = run((i / fps, [face(100)] if i <= last else []) for i in range(6 * fps))
    lost = next(i for i, tracks in enumerate(seen) if ids(tracks, TrackState.LOST))
    assert 1.5 < (lost - last) / fps <= 1.5 + 1.01 / fps


def test_two_faces_that_pass_keep_their_ids() -> None:
    """Crossing at a distance of half a face, each follows its own motion."""
    steps = []
    for i in range(60):
        steps.append((i / 15, [face(50 + 6 * i, 100), face(410 - 6 * i, 145)]))
    seen = run(steps)
    first, last = ({track.track_id: track.box.x1 for track in tracks} for tracks in (seen[3], seen[-1]))
    assert first.keys() == last.keys() == {1, 2}
    assert first[1] < first[2]
    assert last[1] > last[2]


def test_a_jump_of_most_of_a_face_is_still_the_same_face() -> None:
    """At five frames a second a moving head may not overlap itself."""
    seen = run((i / 5, [face(100 + (42 if i >= 5 else 0))]) for i in range(8))
    assert ids(seen[-1]) == {1}


def test_a_face_of_another_size_is_another_face() -> None:
    """Nearness counts only for boxes of like size."""
    assert associate([Box(0, 0, 60, 60)], [Box(62, 0, 82, 20)], 0.3) == {}


def test_a_lost_track_does_not_sweep_over_its_neighbors() -> None:
    """What was moving when it was last seen comes to rest within half a second's way."""
    steps = [(i / 10, [face(100 + 20 * i)]) for i in range(10)] + [(1 + i / 10, []) for i in range(14)]
    seen = run(steps)
    resting = seen[-1][0].box.x1
    assert 280 < resting < 280 + 200 * 0.5


@st.composite
def scripts(draw: st.DrawFn) -> list[tuple[float, list[Detection]]]:
    now_s, steps = 0.0, []
    for _ in range(draw(st.integers(1, 25))):
        now_s += draw(st.floats(0, 2))
        places = draw(st.lists(st.tuples(st.floats(-50, 600), st.floats(-50, 400), st.floats(1, 200)), max_size=5))
        steps.append((now_s, [face(*place) for place in places]))
    return steps


@given(scripts())
@settings(max_examples=80, deadline=None)
def test_whatever_comes_the_books_balance(steps: list[tuple[float, list[Detection]]]) -> None:
    """Each detection belongs to one track, no id comes back after LOST, boxes stay finite."""
    ended: set[int] = set()
    for (now_s, found), tracks in zip(steps, run(steps), strict=True):
        assert sorted(id(track.detection) for track in tracks if track.detection) == sorted(map(id, found))
        numbers = [track.track_id for track in tracks]
        assert len(numbers) == len(set(numbers))
        assert not ended & set(numbers)
        ended |= ids(tracks, TrackState.LOST)
        for track in tracks:
            assert track.first_seen_s <= track.last_seen_s <= now_s
            assert all(math.isfinite(value) for value in track.box.xyxy())
