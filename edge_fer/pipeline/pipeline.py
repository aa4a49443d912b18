"""Frame → observations: the order of the stages, and the memory of each track.

Owns no thread, socket, file or wall clock: the same call serves the daemon, the demo, the benchmarks and the tests.
"""

from __future__ import annotations

import logging
import math
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
from edge_fer.domain.health import LoadReport
from edge_fer.emotion.smoother import EmotionHistory
from edge_fer.emotion.stage import EmotionStage
from edge_fer.identity.gallery import Gallery
from edge_fer.identity.matcher import IdentityEvidence
from edge_fer.identity.stage import IdentityStage
from edge_fer.pipeline.budget import Budget, Job, by_urgency
from edge_fer.pipeline.load_shedding import LoadShedder
from edge_fer.pipeline.timings import Timings
from edge_fer.tflite.model import Model
from edge_fer.vision import quality
from edge_fer.vision.mtcnn import Mtcnn
from edge_fer.vision.search_policy import SearchPolicy
from edge_fer.vision.tracker import Tracker

LOG = logging.getLogger(__name__)

_IDENTITY_DISABLED, _EMOTION_DISABLED = Identity(IdentityState.DISABLED), Emotion(EmotionState.DISABLED)

_SHARPNESS_REUSE_S = 0.1
"""A measurement of sharpness is used for so long: it is expensive, and cameras do not focus faster."""


@dataclass(slots=True)
class _TrackMemory:
    """What is kept of a track from frame to frame, until it ends."""

    evidence: IdentityEvidence = field(default_factory=IdentityEvidence)
    emotions: EmotionHistory = field(default_factory=EmotionHistory)
    sharpness: float = 0.0
    sharpness_s: float = -math.inf


@dataclass(frozen=True, slots=True)
class _TrackView:
    """One track in one frame.

    Attributes:
        track: As the tracker gives it.
        memory: Of the track.
        quality: Of this frame's crop; None while the face is not detected.
        rejection_reason: Why the crop is not good enough; None where it is, or where there is none.
        usable: The detection, where its crop may be given to identity and emotion.
    """

    track: Track
    memory: _TrackMemory
    quality: Quality | None = None
    rejection_reason: str | None = None
    usable: Detection | None = None


class Pipeline:
    """Detect → track → quality → identify → emotion, for one stream of frames. One thread owns it.

    Args:
        config: Limits of tracking, quality and work.
        detector: Finds faces.
        identity: None where identity is disabled.
        emotion: None where emotion is disabled.

    Attributes:
        timings: Of the last frame.
    """

    def __init__(
        self, config: Config, detector: Mtcnn, *, identity: IdentityStage | None, emotion: EmotionStage | None
    ) -> None:
        self._config = config
        self._detector = detector
        self._identity = identity
        self._emotion = emotion
        self._search_policy = SearchPolicy(config.detector.search_interval_s)
        self._tracker = Tracker(config.tracking)
        self._memories: dict[int, _TrackMemory] = {}
        self._budget = Budget(config.pipeline)
        self._load_shedder = LoadShedder()
        self._emotion_age_s = 0.0
        self.timings = Timings()

    @property
    def models(self) -> tuple[Model, ...]:
        """All models in use, detector first."""
        identity = self._identity.models if self._identity else ()
        emotion = self._emotion.models if self._emotion else ()
        return (*self._detector.models, *identity, *emotion)

    @property
    def load(self) -> LoadReport:
        """What the load of the last seconds has cost."""
        degradation = self._load_shedder.step.degradation
        return LoadReport((degradation,) if degradation else (), self._emotion_age_s)

    def use_gallery(self, gallery: Gallery) -> None:
        """Compare with another gallery from the next frame on; everybody present is identified again."""
        if self._identity:
            self._identity.use_gallery(gallery)
            for memory in self._memories.values():
                memory.evidence = IdentityEvidence()

    def end_tracks(self) -> None:
        """End every track silently: the stream of frames was interrupted, and every face seen next is a new visit."""
        self._tracker.end_tracks()
        self._memories.clear()

    def process(self, frame: Frame, *, throttled: bool = False) -> tuple[Observation, ...]:
        """Observe one frame.

        Args:
            frame: Not older than the last one.
            throttled: The board slows itself down, so that it is given less work.

        Returns:
            One observation for each live track, oldest first, and one for each that ended with this frame (LOST).

        Raises:
            InferenceError: A model failed.
            ModelError: A classifier's numbers of outputs and labels differ.
        """
        self.timings, invoked_s = Timings(), self._invoked_s()
        self._budget.throttled = throttled
        tracks = self._track_faces(frame)
        views = [self._view(track, frame) for track in tracks]
        self._memories = {view.track.track_id: view.memory for view in views if view.track.state is not TrackState.LOST}
        self.timings.lap("quality")
        self._shed_load(frame.captured_s)
        self._do_jobs([view for view in views if view.usable], frame)
        observations = tuple(self._conclude(view, frame.captured_s) for view in views)
        self.timings.invoke_s = self._invoked_s() - invoked_s
        self.timings.total_s = self.timings.elapsed_s()
        return observations

    def _track_faces(self, frame: Frame) -> tuple[Track, ...]:
        """Find the faces, by a search of the whole frame or only where they are expected, and assign them to tracks."""
        now_s = frame.captured_s
        expected, missed = self._tracker.expected(now_s), self._tracker.has_missed
        if self._search_policy.needs_search(frame.rgb, now_s, followed=expected, lost_sight=missed):
            detections = self._detector.detect(frame.rgb)
        else:
            detections = self._detector.follow(frame.rgb, expected)
        self.timings.lap("detect")
        tracks = self._tracker.update(detections, expected, now_s)
        self.timings.lap("track")
        return tracks

    def _view(self, track: Track, frame: Frame) -> _TrackView:
        memory = self._memories.get(track.track_id) or _TrackMemory()
        if track.detection is None:
            return _TrackView(track, memory)
        if frame.captured_s - memory.sharpness_s >= _SHARPNESS_REUSE_S:
            memory.sharpness = quality.sharpness(frame.rgb, track.detection.box)
            memory.sharpness_s = frame.captured_s
        measured = quality.assess(track.detection, memory.sharpness)
        rejection_reason = quality.rejection_reason(measured, self._config.quality)
        usable = None if rejection_reason or track.state is not TrackState.CONFIRMED else track.detection
        return _TrackView(track, memory, measured, rejection_reason, usable)

    def _shed_load(self, now_s: float) -> None:
        """Make the search cheaper, or restore it, as the load of the last seconds demands."""
        if self._load_shedder.update(now_s, self.timings.stages["detect"], self._budget.frame_s):
            step, config = self._load_shedder.step, self._config.detector
            self._search_policy.set_interval(config.search_interval_s * step.search_interval)
            self._detector.min_face_px = round(config.min_face_px * step.min_face)
            LOG.warning("load: %s", step.degradation or "the whole frame is searched as configured again")

    def _do_jobs(self, usable: Sequence[_TrackView], frame: Frame) -> None:
        """Embed and classify crops, the most urgent first, as far as the frame's budget goes."""
        views = {view.track.track_id: view for view in usable}
        jobs = by_urgency(job for view in usable for job in self._jobs(view, frame.captured_s))
        for done, job in enumerate(jobs):
            if not self._budget.affords(job, self.timings.elapsed_s(), done):
                break
            self._run(job, views[job.track_id], frame)
            self._budget.record_cost(job.stage, self.timings.lap(job.stage))
        if self._emotion:
            ages_s = [self._emotion.age_s(view.memory.emotions, frame.captured_s) for view in usable]
            self._emotion_age_s = max(ages_s, default=0.0)

    def _jobs(self, view: _TrackView, now_s: float) -> Iterator[Job]:
        memory, track = view.memory, view.track
        if self._identity:
            urgency = self._identity.urgency(memory.evidence, now_s, sharpness=memory.sharpness)
            if urgency:
                yield Job("identify", track.track_id, urgency)
        if self._emotion:
            urgency = self._emotion.urgency(memory.emotions, now_s, first_seen_s=track.first_seen_s)
            if urgency:
                yield Job("emotion", track.track_id, urgency)

    def _run(self, job: Job, view: _TrackView, frame: Frame) -> None:
        assert view.usable  # jobs are made of usable views only
        memory, landmarks = view.memory, view.usable.landmarks
        if job.stage == "identify" and self._identity:
            memory.evidence = self._identity.run(memory.evidence, frame.rgb, landmarks, frame.captured_s)
        elif self._emotion:
            memory.emotions = self._emotion.run(memory.emotions, frame.rgb, landmarks, frame.captured_s)

    def _conclude(self, view: _TrackView, now_s: float) -> Observation:
        memory, reason = view.memory, view.rejection_reason
        identity = self._identity.conclude(memory.evidence, reason) if self._identity else _IDENTITY_DISABLED
        emotion = self._emotion.conclude(memory.emotions, reason, now_s) if self._emotion else _EMOTION_DISABLED
        return Observation(view.track, view.quality, identity, emotion)

    def _invoked_s(self) -> float:
        return sum(model.invoke_s for model in self.models)
