"""Frame → observations. Owns no thread, socket, file or clock: the same call serves daemon, demo and benchmark."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from edge_fer import gallery as galleries
from edge_fer import quality
from edge_fer.attention import Attention
from edge_fer.config import Config, QualityConfig
from edge_fer.emotion import CONFIDENCE, EmotionClassifier, Mood, MoodKeeper
from edge_fer.gallery import Gallery
from edge_fer.identity import Ballot, Embedder, Matcher
from edge_fer.mtcnn import Mtcnn
from edge_fer.runtime import Model
from edge_fer.tracking import Tracker
from edge_fer.types import (
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

STAGES = ("detect", "track", "quality", "identify", "emotion")


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

    @contextmanager
    def measuring(self, stage: str) -> Iterator[None]:
        """Add the time inside the block to a stage."""
        started_s = time.perf_counter()
        yield
        self.stages[stage] += time.perf_counter() - started_s


@dataclass(slots=True)
class _Memory:
    """What is remembered of a track from frame to frame."""

    ballot: Ballot = field(default_factory=Ballot)
    mood: Mood = field(default_factory=Mood)


class Pipeline:
    """Detect → track → quality → identify → emotion, with the state of every track. One thread owns it.

    Args:
        detector: Finds faces.
        attention: Says when to search the whole frame for them.
        tracker: Follows them.
        quality_config: Which crops are good enough.
        identity: Embedder and matcher, or None where identity is disabled.
        emotion: Classifier and smoothing, or None where emotion is disabled.
    """

    def __init__(
        self,
        detector: Mtcnn,
        attention: Attention,
        tracker: Tracker,
        quality_config: QualityConfig,
        *,
        identity: tuple[Embedder, Matcher] | None,
        emotion: tuple[EmotionClassifier, MoodKeeper] | None,
    ) -> None:
        self._detector = detector
        self._attention = attention
        self._tracker = tracker
        self._quality_config = quality_config
        self._identity = identity
        self._emotion = emotion
        self._memories: dict[int, _Memory] = {}
        self._seen = 0
        self.timings = Timings()

    @property
    def models(self) -> tuple[Model, ...]:
        """All models in use, detector first."""
        heads = [pair[0].model for pair in (self._identity, self._emotion) if pair]
        return (*self._detector.models, *heads)

    def use_gallery(self, gallery: Gallery) -> None:
        """Compare with another gallery from the next frame on; everybody present is asked again."""
        if self._identity:
            self._identity[1].use(gallery)

    def forget(self) -> None:
        """Follow nobody any more: the picture was interrupted, and whoever is seen next is a new visit."""
        self._tracker.forget()
        self._memories.clear()

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
        with timings.measuring("detect"):
            detections = self._detect(frame)
        with timings.measuring("track"):
            tracks = self._tracker.update(detections, frame.captured_s)
        observations = tuple(self._observe(track, frame) for track in tracks)
        timings.invoke_s = self._invoked_s() - invoked_s
        timings.total_s = time.perf_counter() - started_s
        return observations

    def _detect(self, frame: Frame) -> tuple[Detection, ...]:
        expected = self._tracker.expected(frame.captured_s)
        lost_sight = len(expected) > self._seen
        if self._attention.needs_search(frame.rgb, frame.captured_s, lost_sight=lost_sight):
            detections = self._detector.detect(frame.rgb)
        else:
            detections = self._detector.follow(frame.rgb, expected)
        self._seen = len(detections)
        return detections

    def _observe(self, track: Track, frame: Frame) -> Observation:
        memory = self._memories.setdefault(track.track_id, _Memory())
        if track.state is TrackState.LOST:
            del self._memories[track.track_id]
        measured, flaw = self._assess(track, frame)
        usable = None if flaw or track.state is not TrackState.CONFIRMED else track.detection
        identity = self._identify(memory, usable, frame, flaw)
        emotion = self._feel(memory, usable, frame, flaw)
        return Observation(track, frame.seq, measured, identity, emotion)

    def _assess(self, track: Track, frame: Frame) -> tuple[Quality | None, str | None]:
        """The quality of this frame's crop, and why it is not good enough, if so; None while the face is not seen."""
        if track.detection is None:
            return None, None
        with self.timings.measuring("quality"):
            measured = quality.assess(frame.rgb, track.detection)
            return measured, quality.shortcoming(measured, self._quality_config)

    def _identify(self, memory: _Memory, usable: Detection | None, frame: Frame, flaw: str | None) -> Identity:
        if self._identity is None:
            return Identity(IdentityState.DISABLED)
        embedder, matcher = self._identity
        with self.timings.measuring("identify"):
            memory.ballot = matcher.current(memory.ballot)
            if usable and matcher.wants_vote(memory.ballot, frame.captured_s):
                embedding = embedder.embed(frame.rgb, usable.landmarks)
                memory.ballot = matcher.cast(memory.ballot, embedding, frame.captured_s)
            return matcher.decide(memory.ballot, flaw)

    def _feel(self, memory: _Memory, usable: Detection | None, frame: Frame, flaw: str | None) -> Emotion:
        if self._emotion is None:
            return Emotion(EmotionState.DISABLED)
        classifier, keeper = self._emotion
        with self.timings.measuring("emotion"):
            if usable and keeper.due(memory.mood, frame.captured_s):
                scores = classifier.classify(frame.rgb, usable.landmarks)
                memory.mood = keeper.heard(memory.mood, scores, frame.captured_s)
            return keeper.decide(memory.mood, flaw, frame.captured_s)

    def _invoked_s(self) -> float:
        return sum(model.invoke_s for model in self.models)


def build(config: Config) -> Pipeline:
    """Load models and gallery and put the stages together.

    Raises:
        ModelError: A model is missing, changed, or of another kind.
        ConfigError: An emotion label is chosen that the model does not have.
        GalleryError: The gallery is damaged or another model's.
    """
    folder, threads = config.models.dir, config.models.threads
    identity = emotion = None
    if config.identity.enabled:
        embedder = Embedder(Model(folder / config.models.identity, threads=threads))
        manifest = embedder.model.manifest
        identity = embedder, Matcher(galleries.load(config.identity.gallery, manifest), manifest, config.identity)
    if config.emotion.enabled:
        classifier = EmotionClassifier(Model(folder / config.models.emotion, threads=threads), config.emotion)
        confidence = classifier.model.manifest.thresholds[CONFIDENCE]
        emotion = classifier, MoodKeeper(classifier.labels, confidence, config.emotion)
    return Pipeline(
        Mtcnn(folder, config.detector, threads=threads),
        Attention(config.detector.search_interval_s),
        Tracker(config.tracking),
        config.quality,
        identity=identity,
        emotion=emotion,
    )
