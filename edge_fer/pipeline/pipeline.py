"""Frame → observations. Owns no thread, socket, file or clock: the same call serves daemon, demo and benchmark."""

from __future__ import annotations

import logging
import math
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from edge_fer.config.schema import Config
from edge_fer.domain.faces import (
    Detection,
    Emotion,
    EmotionState,
    Frame,
    Identity,
    IdentityState,
    Observation,
    Quality,
    Track,
    TrackState,
)
from edge_fer.emotion.classifier import EmotionClassifier
from edge_fer.emotion.smoother import EmotionHistory, EmotionSmoother
from edge_fer.identity.embedder import Embedder
from edge_fer.identity.gallery import Gallery
from edge_fer.identity.matcher import IdentityEvidence, Matcher
from edge_fer.pipeline.budget import Budget, Job, in_order
from edge_fer.pipeline.load_shedding import Degradation
from edge_fer.tflite.model import Model
from edge_fer.vision import quality
from edge_fer.vision.mtcnn import Mtcnn
from edge_fer.vision.search_policy import SearchPolicy
from edge_fer.vision.tracker import Tracker

LOG = logging.getLogger(__name__)
STAGES = ("detect", "track", "quality", "identify", "emotion")


_NO_IDENTITY, _NO_EMOTION = Identity(IdentityState.DISABLED), Emotion(EmotionState.DISABLED)


_LOAD_WEIGHT = 0.05
"""Of the newest frame in the mean cost of finding faces: twenty frames hold several searches and what lies between."""

_FOCUS_S = 0.1
"""How long a measurement of focus holds: it is the dearest part of quality, and cameras do not focus faster."""


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What is given up under load.

    Attributes:
        degradations: In words, for people; empty while everything is as configured.
        emotion_age_s: Age of the oldest emotion among the faces that have one; compare with emotion.refresh_s.
    """

    degradations: tuple[str, ...] = ()
    emotion_age_s: float = 0.0


@dataclass(slots=True)
class Timings:
    """Where the time of the last frame went, in seconds.

    Attributes:
        stages: Stage → seconds.
        total_s: Of the whole call.
        invoke_s: Inside the models; the rest of `total_s` is ours.
        frames: Number of frames so far.
    """

    stages: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    total_s: float = 0.0
    invoke_s: float = 0.0
    frames: int = 0
    _lapped_s: float = field(default_factory=time.perf_counter, repr=False)

    def lap(self, stage: str) -> float:
        """Add the seconds since the last lap, or since the frame began, to a stage; returns them."""
        now_s = time.perf_counter()
        seconds, self._lapped_s = now_s - self._lapped_s, now_s
        self.stages[stage] += seconds
        return seconds


@dataclass(slots=True)
class _Memory:
    """What is remembered of a track from frame to frame."""

    evidence: IdentityEvidence = field(default_factory=IdentityEvidence)
    mood: EmotionHistory = field(default_factory=EmotionHistory)
    sharpness: float = 0.0
    sharpness_s: float = -math.inf


@dataclass(frozen=True, slots=True)
class TrackView:
    """One track in one frame.

    Attributes:
        quality: Of this frame's crop; None while the face is not seen.
        rejection_reason: Why the crop is not good enough, if so.
        usable: The detection, where its crop may be given to identity and emotion.
    """

    track: Track
    memory: _Memory
    quality: Quality | None
    rejection_reason: str | None
    usable: Detection | None


class Pipeline:
    """Detect → track → quality → identify → emotion, with the state of every track. One thread owns it.

    Args:
        config: Limits of quality and work.
        detector: Finds faces.
        search_policy: Says when to search the whole frame for them.
        tracker: Follows them.
        identity: Embedder and matcher, or None where identity is disabled.
        emotion: Classifier and smoothing, or None where emotion is disabled.
    """

    def __init__(
        self,
        config: Config,
        detector: Mtcnn,
        search_policy: SearchPolicy,
        tracker: Tracker,
        *,
        identity: tuple[Embedder, Matcher] | None,
        emotion: tuple[EmotionClassifier, EmotionSmoother] | None,
    ) -> None:
        self._config = config
        self._detector = detector
        self._search_policy = search_policy
        self._tracker = tracker
        self._identity = identity
        self._emotion = emotion
        self._memories: defaultdict[int, _Memory] = defaultdict(_Memory)
        self._seen = 0
        self._budget = Budget(config.pipeline)
        self._degradation = Degradation()
        self._mean_detect_s = 0.0
        self._emotion_age_s = 0.0
        self.timings = Timings()

    @property
    def models(self) -> tuple[Model, ...]:
        """All models in use, detector first."""
        heads = [pair[0].model for pair in (self._identity, self._emotion) if pair]
        closed_set = self._identity[1].head if self._identity else None
        return (*self._detector.models, *heads, *((closed_set.model,) if closed_set else ()))

    def use_gallery(self, gallery: Gallery) -> None:
        """Compare with another gallery from the next frame on; everybody present is asked again."""
        if self._identity:
            self._identity[1].use(gallery)

    def forget(self) -> None:
        """Follow nobody any more: the picture was interrupted, and whoever is seen next is a new visit."""
        self._tracker.forget()
        self._memories.clear()

    @property
    def load(self) -> LoadReport:
        """What the load of the last seconds has cost."""
        degradations = self._degradation.step.degradations
        return LoadReport((degradations,) if degradations else (), self._emotion_age_s)

    def use_share(self, share: float) -> None:
        """Work with this share of the budget, in (0, 1], from the next frame on."""
        self._budget.shrink(share)

    def process(self, frame: Frame) -> tuple[Observation, ...]:
        """Observe one frame.

        Args:
            frame: Not older than the last one.

        Returns:
            One observation for each track alive, oldest first, and one for each that ended with this frame (LOST).

        Raises:
            InferenceError: A model failed.
        """
        started_s, invoked_s = time.perf_counter(), self._invoked_s()
        self.timings = timings = Timings(frames=self.timings.frames + 1)
        detections = self._detect(frame)
        timings.lap("detect")
        tracks = self._tracker.update(detections, frame.captured_s)
        timings.lap("track")
        views = [self._look(track, frame) for track in tracks]
        timings.lap("quality")
        self._adapt(frame.captured_s, timings.stages["detect"])
        self._work(views, frame, started_s)
        observations = tuple(self._conclude(look, frame) for look in views)
        timings.invoke_s = self._invoked_s() - invoked_s
        timings.total_s = time.perf_counter() - started_s
        return observations

    def _detect(self, frame: Frame) -> tuple[Detection, ...]:
        expected = self._tracker.expected(frame.captured_s)
        lost_sight = len(expected) > self._seen
        if self._search_policy.needs_search(frame.rgb, frame.captured_s, followed=expected, lost_sight=lost_sight):
            detections = self._detector.detect(frame.rgb)
        else:
            detections = self._detector.follow(frame.rgb, expected)
        self._seen = len(detections)
        return detections

    def _look(self, track: Track, frame: Frame) -> TrackView:
        memory = self._memories[track.track_id]
        if track.state is TrackState.LOST:
            del self._memories[track.track_id]
        if track.detection is None:
            return TrackView(track, memory, None, None, None)
        if frame.captured_s - memory.sharpness_s >= _FOCUS_S:
            memory.sharpness = quality.sharpness(frame.rgb, track.detection.box)
            memory.sharpness_s = frame.captured_s
        measured = quality.assess(track.detection, memory.sharpness)
        rejection_reason = quality.rejection_reason(measured, self._config.quality)
        usable = None if rejection_reason or track.state is not TrackState.CONFIRMED else track.detection
        return TrackView(track, memory, measured, rejection_reason, usable)

    def _adapt(self, now_s: float, detect_s: float) -> None:
        """Make the search cheaper or dearer, as the load of the last seconds says."""
        self._mean_detect_s += _LOAD_WEIGHT * (detect_s - self._mean_detect_s)
        if self._degradation.observe(now_s, self._mean_detect_s, self._budget.frame_s):
            step, config = self._degradation.step, self._config.detector
            self._search_policy.set_interval(config.search_interval_s * step.search_interval)
            self._detector.min_face_px = round(config.min_face_px * step.min_face)
            LOG.warning("pipeline: %s", step.degradations or "the whole frame is searched as configured again")

    def _work(self, views: Sequence[TrackView], frame: Frame, started_s: float) -> None:
        """Embeddings and classifications, the most urgent first, as far as the frame's budget goes."""
        usable = {look.track.track_id: look for look in views if look.usable}
        jobs = in_order(job for look in usable.values() for job in self._jobs(look, frame.captured_s))
        for done, job in enumerate(jobs):
            if not self._budget.affords(job, time.perf_counter() - started_s, done):
                break
            self._run(job, usable[job.track_id], frame)
            self._budget.learn(job.stage, self.timings.lap(job.stage))
        ages_s = [frame.captured_s - look.memory.mood.updated_s for look in usable.values()]
        self._emotion_age_s = max((age_s for age_s in ages_s if self._emotion and math.isfinite(age_s)), default=0.0)

    def _jobs(self, look: TrackView, now_s: float) -> Iterator[Job]:
        if self._identity:
            look.memory.evidence = self._identity[1].reset_if_gallery_changed(look.memory.evidence)
            urgency = self._identity[1].urgency(look.memory.evidence, now_s)
            if urgency > 0 and look.quality:
                yield Job("identify", look.track.track_id, urgency + look.quality.sharpness)  # the better crop first
        if self._emotion:
            urgency = self._emotion[1].urgency(look.memory.mood, now_s, look.track.first_seen_s)
            if urgency >= 1:
                yield Job("emotion", look.track.track_id, urgency)

    def _run(self, job: Job, look: TrackView, frame: Frame) -> None:
        assert look.usable  # jobs are made of usable views only
        memory, landmarks, now_s = look.memory, look.usable.landmarks, frame.captured_s
        if job.stage == "identify" and self._identity:
            embedder, matcher = self._identity
            memory.evidence = matcher.add(memory.evidence, embedder.embed(frame.rgb, landmarks), now_s)
        elif self._emotion:
            classifier, smoother = self._emotion
            memory.mood = smoother.update(memory.mood, classifier.classify(frame.rgb, landmarks), now_s)

    def _conclude(self, look: TrackView, frame: Frame) -> Observation:
        identity, emotion = _NO_IDENTITY, _NO_EMOTION
        if self._identity:
            look.memory.evidence = self._identity[1].reset_if_gallery_changed(look.memory.evidence)
            identity = self._identity[1].decide(look.memory.evidence, look.rejection_reason)
        if self._emotion:
            emotion = self._emotion[1].decide(look.memory.mood, look.rejection_reason, frame.captured_s)
        return Observation(look.track, frame.seq, look.quality, identity, emotion)

    def _invoked_s(self) -> float:
        return sum(model.invoke_s for model in self.models)
