"""The demo's measurement against the truth: scripted observations of the real scene."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edge_fer.demo.measure import Measurement, match
from edge_fer.domain.faces import (
    Detection,
    Emotion,
    EmotionState,
    Identity,
    IdentityState,
    Observation,
    Track,
    TrackState,
)
from edge_fer.domain.geometry import Box, Landmarks, Point
from edge_fer.pipeline.timings import Timings
from edge_fer.samples import scene
from edge_fer.samples.scene import Truth

UNSURE = Emotion(EmotionState.ABSTAIN)
FIRST = next(seq for seq in range(scene.FRAMES) if any(truth.visible for truth in scene.truth(seq)))


def seen(track_id: int, box: Box, name: str | None = None, *, missed: bool = False) -> Observation:
    identity = Identity(IdentityState.KNOWN, name, 0.97) if name else Identity(IdentityState.PENDING)
    detection = None if missed else Detection(box, 0.99, Landmarks(*[Point(*box.center)] * 5))
    return Observation(Track(track_id, TrackState.CONFIRMED, box, 0, 0, 5, detection), None, identity, UNSURE)


def watch(look: Callable[[int, Truth], Observation | None]) -> Measurement:
    """A pass over the clip in which `look` says what is observed of each face."""
    measured = Measurement()
    for seq in range(scene.FRAMES):
        truths = scene.truth(seq)
        observations = [observation for truth in truths if (observation := look(seq, truth))]
        measured.add(seq, truths, observations, Timings(total_s=0.010, invoke_s=0.007))
    return measured


def test_a_perfect_pass() -> None:
    """Every visible frame found, one track a visit, named at once, nobody confused."""
    measured = watch(lambda seq, truth: seen(truth.visit + 1, truth.face, truth.subject))
    assert [visit.found_share for visit in measured.visits] == [1.0, 1.0, 1.0]
    assert [visit.tracks for visit in measured.visits] == [{1}, {2}, {3}]
    assert [visit.names for visit in measured.visits] == [{"Eileen Collins"}, {"Grace Hopper"}, {"Eileen Collins"}]
    assert [visit.named_after_s for visit in measured.visits] == [0, 0, 0]
    assert measured.false_tracks == set()
    assert measured.frames == scene.FRAMES


def test_missed_frames_lower_the_share() -> None:
    """Every tenth frame missed: nine tenths found; the track does not change."""
    measured = watch(lambda seq, truth: seen(1, truth.face, missed=seq % 10 == 0))
    for visit in measured.visits:
        assert visit.found_share == pytest.approx(0.9, abs=0.02)
        assert visit.tracks == {1}
        assert visit.named_after_s is None


def test_time_to_name_counts_from_the_first_visible_frame() -> None:
    """Ten frames without a name are 0.4 s of the clip."""
    measured = watch(lambda seq, truth: seen(truth.visit + 1, truth.face, truth.subject if seq >= FIRST + 10 else None))
    assert measured.visits[0].named_after_s == pytest.approx(0.4)


def test_a_wrong_name_is_kept() -> None:
    """One frame is enough to be reported, and does not count as recognized."""
    measured = watch(lambda seq, truth: seen(1, truth.face, "Grace Hopper" if seq == FIRST + 5 else None))
    assert measured.visits[0].names == {"Grace Hopper"}
    assert measured.visits[0].named_after_s is None


def test_what_covers_no_face_is_a_false_track() -> None:
    """A box elsewhere finds nobody; so does one that covers too little of the face."""
    measured = watch(lambda seq, truth: seen(7, truth.face.moved(0.7 * truth.face.width, 0)))
    assert measured.false_tracks == {7}
    assert all(visit.found == 0 for visit in measured.visits)


def test_each_face_takes_the_box_that_covers_it_best() -> None:
    """Two faces, their boxes in the other order, and a worse box for one of them."""
    truths = next(truths for seq in range(scene.FRAMES) if len(truths := scene.truth(seq)) == 2)
    first, second = (seen(index, truth.face) for index, truth in enumerate(truths))
    worse = seen(9, truths[0].face.moved(5, 5))
    assert match(truths, [worse, second, first]) == [first, second]
    assert match(truths, [second]) == [None, second]
    assert match(truths, []) == [None, None]
    assert match((), [first]) == []


def test_times() -> None:
    """Overhead is what the models did not take; frames per second count pipeline time only."""
    measured = watch(lambda seq, truth: None)
    assert measured.total_ms(50) == pytest.approx(10)
    assert measured.overhead_ms(95) == pytest.approx(3)
    assert measured.fps == pytest.approx(100)
    assert set(measured.stage_ms()) >= {"detect", "track", "identify", "emotion"}
