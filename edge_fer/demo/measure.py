"""The pipeline against the scene's ground truth, frame by frame. Pure functions on what was observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from edge_fer.domain.faces import IdentityState, Observation, TrackState
from edge_fer.pipeline.timings import STAGES, Timings
from edge_fer.samples.scene import FPS, VISITS, Truth
from edge_fer.vision import boxes

SAME_FACE_IOU = 0.4
"""Least overlap of a detection with the true box; below it the crop would hold another part of the picture."""


@dataclass(slots=True)
class VisitMeasure:
    """How one visit was seen.

    Attributes:
        subject: Who it truly is.
        visible: Frames in which the face is expected to be found.
        found: Those of them in which it was.
        tracks: Ids of the tracks that followed it.
        names: All names that it was given.
        named_after_s: Clip time from the first visible frame to the first right name.
    """

    subject: str
    visible: int = 0
    found: int = 0
    tracks: set[int] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    named_after_s: float | None = None
    _first_seq: int | None = None

    @property
    def found_share(self) -> float:
        """Share of the visible frames in which the face was found, in [0, 1]."""
        return self.found / self.visible if self.visible else 0.0

    def add(self, seq: int, truth: Truth, observation: Observation | None) -> None:
        """Count one frame; `observation` is what was seen of this face, if anything was."""
        if truth.visible:
            self._first_seq = seq if self._first_seq is None else self._first_seq
            self.visible += 1
            self.found += observation is not None
        if observation is None:
            return
        self.tracks.add(observation.track.track_id)
        subject = observation.identity.subject
        if observation.identity.state is IdentityState.KNOWN and subject:
            self.names.add(subject)
            if subject == self.subject and self.named_after_s is None and self._first_seq is not None:
                self.named_after_s = (seq - self._first_seq) / FPS


class Measurement:
    """Collects a whole pass over the clip."""

    def __init__(self) -> None:
        self.visits = [VisitMeasure(portrait.subject) for portrait, _ in VISITS]
        self.false_tracks: set[int] = set()
        self._timings: list[Timings] = []

    def add(self, seq: int, truths: Sequence[Truth], observations: Sequence[Observation], timings: Timings) -> None:
        """Count one frame."""
        matched = match(truths, observations)
        for truth, observation in zip(truths, matched, strict=True):
            self.visits[truth.visit].add(seq, truth, observation)
        found = {observation.track.track_id for observation in matched if observation}
        confirmed = {
            seen.track.track_id
            for seen in observations
            if seen.track.state is TrackState.CONFIRMED and seen.track.detection is not None
        }
        self.false_tracks |= confirmed - found
        self._timings.append(timings)

    @property
    def frames(self) -> int:
        return len(self._timings)

    @property
    def fps(self) -> float:
        """Frames through the pipeline per second of its own time; decoding is not in it."""
        return self.frames / max(sum(timings.total_s for timings in self._timings), 1e-9)

    def total_ms(self, percentile: float) -> float:
        """Time of the whole pipeline for a frame."""
        return float(np.percentile([timings.total_s for timings in self._timings], percentile)) * 1e3

    def overhead_ms(self, percentile: float) -> float:
        """Time for a frame outside the models: our own Python, numpy and OpenCV."""
        return float(np.percentile([t.total_s - t.invoke_s for t in self._timings], percentile)) * 1e3

    def stage_ms(self) -> dict[str, float]:
        """Stage → mean time for a frame."""
        return {stage: float(np.mean([t.stages[stage] for t in self._timings])) * 1e3 for stage in STAGES}


def match(truths: Sequence[Truth], observations: Sequence[Observation]) -> list[Observation | None]:
    """For each true face the observation whose detection covers it best, or None."""
    seen = [observation for observation in observations if observation.track.detection is not None]
    if not truths or not seen:
        return [None] * len(truths)
    true_boxes = np.stack([truth.face.xyxy() for truth in truths])
    seen_boxes = np.stack([observation.track.box.xyxy() for observation in seen])
    overlaps = boxes.iou_matrix(true_boxes, seen_boxes)
    best = overlaps.argmax(axis=1)
    return [
        seen[column] if overlaps[row, column] >= SAME_FACE_IOU else None for row, column in enumerate(best.tolist())
    ]
