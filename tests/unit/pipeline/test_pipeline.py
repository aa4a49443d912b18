"""The order of the stages and the memory of a track, with scripted stages instead of models."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from edge_fer.config.schema import Config
from edge_fer.domain.faces import (
    Detection,
    Emotion,
    EmotionState,
    Frame,
    Identity,
    IdentityState,
    Observation,
    TrackState,
)
from edge_fer.domain.geometry import Box, Landmarks, Point
from edge_fer.emotion.smoother import EmotionHistory
from edge_fer.identity.gallery import Gallery
from edge_fer.identity.matcher import IdentityEvidence
from edge_fer.pipeline import pipeline as pipeline_module
from edge_fer.pipeline.pipeline import Pipeline
from tests.factories import frame

LEFT, RIGHT = Box(10, 10, 60, 60), Box(120, 10, 170, 60)
QUALITY_LIMITS = {"min_sharpness": 0.0}
"""The frames are black: every crop would be rejected as blurred."""


def face(box: Box) -> Detection:
    """A face seen from the front."""
    shares = ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8))
    return Detection(box, 0.99, Landmarks(*(Point(box.x1 + box.width * x, box.y1 + box.height * y) for x, y in shares)))


class FakeDetector:
    """Finds the faces in `boxes`, searching or following."""

    def __init__(self, *boxes: Box) -> None:
        self.boxes = boxes
        self.calls: list[str] = []
        self.min_face_px = 40
        self.models = (SimpleNamespace(invoke_s=0.0),)

    def detect(self, _rgb: object) -> tuple[Detection, ...]:
        self.calls.append("detect")
        return tuple(map(face, self.boxes))

    def follow(self, _rgb: object, _expected: Sequence[Box]) -> tuple[Detection, ...]:
        self.calls.append("follow")
        return tuple(map(face, self.boxes))


class FakeStage:
    """Counts the runs of each track in its state; due until `max_runs`."""

    models: tuple[str, ...] = ()

    def __init__(self, max_runs: int = 100, urgency: float = 1.0) -> None:
        self.max_runs = max_runs
        self.priority = urgency
        self.runs: list[float] = []

    def count_run(self, now_s: float) -> None:
        self.runs.append(now_s)


class FakeIdentity(FakeStage):
    galleries = 0

    def use_gallery(self, _gallery: Gallery) -> None:
        self.galleries += 1

    def urgency(self, evidence: IdentityEvidence, _now_s: float, *, sharpness: float) -> float:
        return self.priority if evidence.votes < self.max_runs else 0.0

    def run(self, evidence: IdentityEvidence, _rgb: object, _landmarks: object, now_s: float) -> IdentityEvidence:
        self.count_run(now_s)
        return IdentityEvidence(votes=evidence.votes + 1)

    def conclude(self, evidence: IdentityEvidence, reason: str | None) -> Identity:
        return Identity(IdentityState.ABSTAIN if reason else IdentityState.PENDING, votes=evidence.votes)


class FakeEmotion(FakeStage):
    def urgency(self, history: EmotionHistory, now_s: float, *, first_seen_s: float) -> float:
        return self.priority if history.label < self.max_runs else 0.0

    def run(self, history: EmotionHistory, _rgb: object, _landmarks: object, now_s: float) -> EmotionHistory:
        self.count_run(now_s)
        return EmotionHistory(label=history.label + 1, updated_s=now_s)

    def conclude(self, history: EmotionHistory, reason: str | None, now_s: float) -> Emotion:
        return Emotion(EmotionState.ABSTAIN, reason=reason or f"{history.label + 1} runs")

    def age_s(self, history: EmotionHistory, now_s: float) -> float:
        return now_s - history.updated_s if history.label >= 0 else 0.0


class Harness:
    """A pipeline with scripted parts, fed ten frames per second."""

    def __init__(
        self,
        *boxes: Box,
        identity: FakeIdentity | None = None,
        emotion: FakeEmotion | None = None,
        **config: dict[str, Any],
    ) -> None:
        sections = {"quality": QUALITY_LIMITS, "pipeline": {"target_fps": 0.1}, "tracking": {"confirm_hits": 1}}
        self.detector = FakeDetector(*boxes)
        detector: Any = self.detector
        stages: Any = {"identity": identity, "emotion": emotion}
        self.pipeline = Pipeline(Config.model_validate({**sections, **config}), detector, **stages)
        self.count = 0

    def step(self, frames: int = 1, **options: bool) -> tuple[Observation, ...]:
        """The observations of the last of so many frames."""
        for _ in range(frames):
            observations = self.pipeline.process(self.next_frame(), **options)
        return observations

    def next_frame(self) -> Frame:
        self.count += 1
        return frame(self.count / 10)


def test_disabled_stages_are_said_to_be_disabled() -> None:
    """And nothing else is known of the face."""
    (observation,) = Harness(LEFT).step()
    assert observation.identity == Identity(IdentityState.DISABLED)
    assert observation.emotion == Emotion(EmotionState.DISABLED)


def test_each_stage_runs_for_each_face_and_keeps_its_own_state() -> None:
    """Three frames, two faces: three runs each, counted per track."""
    identity, emotion = FakeIdentity(), FakeEmotion()
    harness = Harness(LEFT, RIGHT, identity=identity, emotion=emotion)
    observations = harness.step(3)
    assert [(each.identity.votes, each.emotion.reason) for each in observations] == [(3, "3 runs")] * 2
    assert (len(identity.runs), len(emotion.runs)) == (6, 6)


def test_a_stage_that_is_not_due_does_not_run() -> None:
    """Urgency 0 gives no job."""
    identity = FakeIdentity(max_runs=2)
    Harness(LEFT, identity=identity).step(5)
    assert len(identity.runs) == 2


def test_tentative_tracks_cost_nothing() -> None:
    """Before a track is confirmed, it may be a false detection."""
    emotion = FakeEmotion()
    harness = Harness(LEFT, emotion=emotion, tracking={"confirm_hits": 3})
    assert harness.step(2)[0].track.state is TrackState.TENTATIVE
    assert emotion.runs == []
    harness.step()
    assert len(emotion.runs) == 1


def test_a_rejected_crop_is_not_run_and_its_reason_is_passed_on() -> None:
    """Both stages conclude with it."""
    identity, emotion = FakeIdentity(), FakeEmotion()
    harness = Harness(LEFT, identity=identity, emotion=emotion, quality={"min_sharpness": 0.5})
    (observation,) = harness.step()
    assert (observation.identity.state, observation.emotion.reason) == (IdentityState.ABSTAIN, "blurred")
    assert identity.runs == emotion.runs == []


def test_a_missed_face_keeps_its_state_without_quality() -> None:
    """No run in this frame; the next detection goes on from there."""
    identity = FakeIdentity()
    harness = Harness(LEFT, identity=identity)
    harness.step(2)
    harness.detector.boxes = ()
    (missed,) = harness.step()
    assert (missed.track.detection, missed.quality, missed.identity.votes) == (None, None, 2)
    harness.detector.boxes = (LEFT,)
    assert harness.step()[0].identity.votes == 3


def test_the_memory_of_a_track_ends_with_it() -> None:
    """LOST still concludes with its state; a later face in the same place starts without one."""
    harness = Harness(LEFT, identity=FakeIdentity())
    harness.step(3)
    harness.detector.boxes = ()
    lost = next(each for _ in range(30) for each in harness.step() if each.track.state is TrackState.LOST)
    assert lost.identity.votes == 3
    assert harness.pipeline._memories == {}
    harness.detector.boxes = (LEFT,)
    assert harness.step()[0].identity.votes == 1


def test_another_gallery_voids_the_evidence_of_everybody_present() -> None:
    """Identities start again, emotions go on."""
    identity = FakeIdentity()
    harness = Harness(LEFT, RIGHT, identity=identity, emotion=FakeEmotion())
    harness.step(3)
    harness.pipeline.use_gallery(Gallery("0" * 64))
    observations = harness.step()
    assert [each.identity.votes for each in observations] == [1, 1]
    assert [each.emotion.reason for each in observations] == ["4 runs"] * 2
    assert identity.galleries == 1


def test_end_tracks_makes_every_face_a_new_visit() -> None:
    """With a new id and no memory."""
    harness = Harness(LEFT, identity=FakeIdentity())
    before = harness.step(3)[0].track.track_id
    harness.pipeline.end_tracks()
    assert harness.pipeline._memories == {}  # nothing is kept of a face while the camera is lost
    (after,) = harness.step()
    assert after.track.track_id != before
    assert after.identity.votes == 1


def test_where_to_expect_faces_is_computed_once_per_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """The detector follows to the same boxes that the tracker matches with."""
    harness = Harness(LEFT)
    tracker = harness.pipeline._tracker
    asked: list[float] = []
    expected = tracker.expected

    def noted(now_s: float) -> tuple[Box, ...]:
        asked.append(now_s)
        return expected(now_s)

    monkeypatch.setattr(tracker, "expected", noted)
    harness.step(3)
    assert asked == [0.1, 0.2, 0.3]


def test_the_search_policy_ignores_changes_at_followed_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets the boxes where faces are expected, and whether one was missed in the last frame."""
    harness = Harness(LEFT)
    asked: list[tuple[tuple[Box, ...], bool]] = []

    def needs_search(_rgb: object, _now_s: float, *, followed: tuple[Box, ...], lost_sight: bool) -> bool:
        asked.append((followed, lost_sight))
        return False

    monkeypatch.setattr(harness.pipeline._search_policy, "needs_search", needs_search)
    harness.step(2)
    harness.detector.boxes = ()
    harness.step(2)
    assert asked == [((), False), ((LEFT,), False), ((LEFT,), False), ((LEFT,), True)]


def test_the_budget_learns_what_jobs_cost() -> None:
    """Per stage, from each job that is done."""
    harness = Harness(LEFT, identity=FakeIdentity(), emotion=FakeEmotion(max_runs=-1))
    harness.step()
    assert harness.pipeline._budget._cost_s["identify"] > 0
    assert harness.pipeline._budget._cost_s["emotion"] == 0


def test_between_searches_faces_are_followed() -> None:
    """Black frames do not change: one search, then nothing but following until the interval is over."""
    harness = Harness(LEFT, detector={"search_interval_s": 0.5})
    harness.step(6)
    assert harness.detector.calls == ["detect", *["follow"] * 4, "detect"]


def test_a_full_budget_leaves_one_job_per_frame_the_most_urgent_first() -> None:
    """240 frames per second at 5 % are 0.2 ms: each frame does its one guaranteed job."""
    identity, emotion = FakeIdentity(max_runs=2, urgency=4), FakeEmotion()
    tight = {"target_fps": 240, "cpu_budget": 0.05}

    harness = Harness(LEFT, identity=identity, emotion=emotion, pipeline=tight)
    for stage in ("identify", "emotion"):
        harness.pipeline._budget.record_cost(stage, 10.0)
    harness.step(5)
    assert identity.runs == [0.1, 0.2]
    assert emotion.runs == [0.3, 0.4, 0.5]


def test_a_throttled_board_gets_half_the_budget() -> None:
    """In the frames for which the caller says so."""
    harness = Harness(LEFT)
    full_s = harness.pipeline._budget.frame_s
    harness.step(throttled=True)
    assert harness.pipeline._budget.frame_s == full_s / 2
    harness.step()
    assert harness.pipeline._budget.frame_s == full_s


def test_the_age_of_the_oldest_emotion_is_in_the_load_report() -> None:
    """Each face is classified twice, the last time three frames ago."""
    harness = Harness(LEFT, RIGHT, emotion=FakeEmotion(max_runs=1))
    harness.step(5)
    assert harness.pipeline.load.emotion_age_s == pytest.approx(0.3)


def test_lasting_overload_makes_the_search_cheaper_and_is_reported(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Longer interval, larger faces, a line in the log and in the load report; restored when the load falls."""
    harness = Harness(LEFT, pipeline={"target_fps": 10, "cpu_budget": 0.5})
    cost_s = [1.0]
    shedder = harness.pipeline._load_shedder
    update = shedder.update
    monkeypatch.setattr(shedder, "update", lambda now_s, _, budget_s: update(now_s, cost_s[0], budget_s))
    with caplog.at_level(logging.WARNING, pipeline_module.__name__):
        harness.step(120)
    assert [*harness.pipeline.load.degradations] == ["faces below twice the smallest size are not looked for"]
    assert harness.detector.min_face_px == 80
    assert harness.pipeline._search_policy._interval_s == 2.0
    assert "load: newcomers are looked for half as often" in caplog.text
    cost_s[0] = 0.0
    harness.step(700)
    assert [*harness.pipeline.load.degradations] == []
    assert harness.detector.min_face_px == 40


def test_models_are_listed_detector_first() -> None:
    """Those of the stages after it."""
    identity, emotion = FakeIdentity(), FakeEmotion()
    identity.models, emotion.models = ("identity model",), ("emotion model",)
    models: tuple[object, ...] = Harness(LEFT, identity=identity, emotion=emotion).pipeline.models
    assert models[1:] == ("identity model", "emotion model")
