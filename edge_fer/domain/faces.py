"""Frames, and what is known about the faces in them. All values are frozen; stages return new ones.

Coordinates are pixels of the source frame unless a name says otherwise. Durations and instants ending in ``_s`` are
monotonic seconds: a Raspberry Pi has no clock at boot, so nothing is computed from wall-clock time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from edge_fer.domain.geometry import Box, Landmarks


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image from a source.

    Attributes:
        rgb: uint8 (H, W, 3), RGB, read-only.
        seq: Number of the frame since its source was opened, from 0; skipped frames leave gaps.
        captured_s: Monotonic seconds at capture; for a video file, the frame's own time.
        captured_at: Wall clock at capture, time zone aware; used in payloads only.
    """

    rgb: NDArray[np.uint8]
    seq: int
    captured_s: float
    captured_at: datetime

    def __post_init__(self) -> None:
        if self.rgb.dtype != np.uint8 or self.rgb.ndim != 3 or self.rgb.shape[2] != 3 or 0 in self.rgb.shape:
            raise ValueError(f"Frame.rgb must be uint8 (H, W, 3), got {self.rgb.dtype} {self.rgb.shape}")
        self.rgb.flags.writeable = False

    @property
    def width_px(self) -> int:
        return int(self.rgb.shape[1])

    @property
    def height_px(self) -> int:
        return int(self.rgb.shape[0])


@dataclass(frozen=True, slots=True)
class Detection:
    """A face found in one frame: box, score in [0, 1], landmarks."""

    box: Box
    score: float
    landmarks: Landmarks


class TrackState(Enum):
    """TENTATIVE: not yet confirmed. CONFIRMED: being followed, detected or not. LOST: ended; reported once."""

    TENTATIVE = "tentative"
    CONFIRMED = "confirmed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Track:
    """One visit of one face.

    Attributes:
        track_id: Unique since the daemon's start, from 1.
        box: Last detected box, or where the face is expected while it is not detected.
        first_seen_s: Monotonic seconds of the first detection.
        last_seen_s: Monotonic seconds of the last detection.
        hits: Number of detections so far.
        detection: This frame's detection, or None where the face was not detected.
        velocity_px_s: Smoothed motion of the box's center, pixels per second.
    """

    track_id: int
    state: TrackState
    box: Box
    first_seen_s: float
    last_seen_s: float
    hits: int
    detection: Detection | None
    velocity_px_s: tuple[float, float] = (0.0, 0.0)


class IdentityState(Enum):
    """KNOWN, UNKNOWN: decided. PENDING: more votes needed. ABSTAIN: no crop was good enough. DISABLED: by config."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    PENDING = "pending"
    ABSTAIN = "abstain"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a track is.

    Attributes:
        subject: The enrolled name or pseudonym when KNOWN, else None.
        similarity: Cosine to the best template in [-1, 1]; None before the first attempt or with an empty gallery.
        margin: Similarity minus that of the best other subject; None where there is none.
        votes: Number of embeddings that the decision is based on.
    """

    state: IdentityState
    subject: str | None = None
    similarity: float | None = None
    margin: float | None = None
    votes: int = 0


class EmotionState(Enum):
    """OK: a label is given. ABSTAIN: none is, and `reason` says why. DISABLED by config."""

    OK = "ok"
    ABSTAIN = "abstain"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Emotion:
    """The emotion that a track shows, smoothed over `window_s`.

    Attributes:
        label: One of the model's labels when OK, else None.
        scores: Label → probability; sums to 1, or is empty before the first classification.
        window_s: Length of the smoothing window.
        reason: Why there is no label; None when OK.
    """

    state: EmotionState
    label: str | None = None
    scores: dict[str, float] = field(default_factory=dict)
    window_s: float = 0.0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a crop a detection gives.

    Attributes:
        face_px: Mean of the box's sides.
        sharpness: Variance-of-Laplacian focus measure mapped to [0, 1]; 0 is blurred.
        yaw_deg: Rough head turn from the landmarks; 0 faces the camera, positive turns to the image's right.
    """

    face_px: float
    sharpness: float
    yaw_deg: float


@dataclass(frozen=True, slots=True)
class Observation:
    """What the pipeline knows about one track after one frame; `quality` is None where the face was not detected."""

    track: Track
    quality: Quality | None
    identity: Identity
    emotion: Emotion
