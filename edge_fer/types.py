"""The nouns that cross every boundary of edge_fer. All are frozen; stages return new ones.

Coordinates are pixels of the source frame, x to the right and y down, unless a name says otherwise. "Left" and
"right" of a face are those of the image. Durations and instants ending in ``_s`` are monotonic seconds: a Pi has no
clock at boot, so nothing is ever computed from wall-clock time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

LANDMARK_NAMES = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture from a source.

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
class Box:
    """An axis-aligned box, half-open: x1 ≤ x < x2, in source-frame pixels; it may reach outside the frame."""

    x1: float
    y1: float
    x2: float
    y2: float

    def __post_init__(self) -> None:
        if not (self.x1 <= self.x2 and self.y1 <= self.y2):  # also false for NaN
            raise ValueError(f"Box needs x1 <= x2 and y1 <= y2, got {(self.x1, self.y1, self.x2, self.y2)}")

    @property
    def width(self) -> float:
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        return self.width * self.height

    @property
    def center(self) -> tuple[float, float]:
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    def moved(self, dx: float, dy: float) -> Box:
        """The same box, shifted by (dx, dy) pixels."""
        return Box(self.x1 + dx, self.y1 + dy, self.x2 + dx, self.y2 + dy)

    def squared(self) -> Box:
        """The smallest square around the box with the same centre."""
        (x, y), half = self.center, max(self.width, self.height) / 2
        return Box(x - half, y - half, x + half, y + half)

    def shared(self, other: Box) -> float:
        """Area in common with another box, in square pixels."""
        if self.x1 >= other.x2 or other.x1 >= self.x2 or self.y1 >= other.y2 or other.y1 >= self.y2:
            return 0.0
        width = min(self.x2, other.x2) - max(self.x1, other.x1)
        height = min(self.y2, other.y2) - max(self.y1, other.y1)
        return width * height

    def iou(self, other: Box) -> float:
        """Intersection over union in [0, 1]; 0 where nothing is in common."""
        shared = self.shared(other)
        return shared / (self.area + other.area - shared) if shared else 0.0

    def xyxy(self) -> NDArray[np.float32]:
        """(4,) float32: x1, y1, x2, y2."""
        return np.array((self.x1, self.y1, self.x2, self.y2), np.float32)


class Point(NamedTuple):
    """A position in source-frame pixels."""

    x: float
    y: float


class Landmarks(NamedTuple):
    """The five points of a face, in source-frame pixels; left and right are the image's."""

    left_eye: Point
    right_eye: Point
    nose: Point
    mouth_left: Point
    mouth_right: Point

    def array(self) -> NDArray[np.float32]:
        """(5, 2) float32 of x, y in the order of LANDMARK_NAMES."""
        return np.asarray(self, np.float32)

    @classmethod
    def from_array(cls, points: NDArray[np.floating]) -> Landmarks:
        """From (5, 2) x, y in the order of LANDMARK_NAMES."""
        return cls(*map(Point._make, points.tolist()))


@dataclass(frozen=True, slots=True)
class Detection:
    """A face found in one frame: box, score in [0, 1], landmarks."""

    box: Box
    score: float
    landmarks: Landmarks


class TrackState(Enum):
    """TENTATIVE: seen, not yet believed. CONFIRMED: being followed, seen or not. LOST: ended; reported once."""

    TENTATIVE = "tentative"
    CONFIRMED = "confirmed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Track:
    """One visit of one face.

    Attributes:
        track_id: Unique since the daemon's start, from 1.
        box: Last detected box, or where it is expected while it is missed.
        first_seen_s: Monotonic seconds of the first detection.
        last_seen_s: Monotonic seconds of the last detection.
        hits: Number of detections so far.
        detection: This frame's detection, or None while missed.
        velocity_px_s: Smoothed motion of the box's centre, pixels per second.
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
    """KNOWN, UNKNOWN: answers. PENDING: more votes needed. ABSTAIN: no crop was good enough. DISABLED: by config."""

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
        votes: Number of embeddings behind the answer.
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
    """How a track looks, smoothed over `window_s`.

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
    """What the pipeline knows of one track after one frame."""

    track: Track
    frame_seq: int
    quality: Quality | None
    identity: Identity
    emotion: Emotion


class FaceEventType(Enum):
    """ENTER: a visit begins. UPDATE: who it is changed, or the heartbeat is due. LEAVE: the visit is over."""

    ENTER = "enter"
    UPDATE = "update"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class FaceEvent:
    """Something that a server should know of one visit.

    Attributes:
        at: Wall clock of the frame that it comes from.
        box: x, y, width, height as shares of the frame in [0, 1]; the part inside the frame.
        quality: Of this frame's detection, or None while the face is missed.
    """

    type: FaceEventType
    track_id: int
    at: datetime
    box: tuple[float, float, float, float]
    quality: Quality | None
    identity: Identity
    emotion: Emotion


class EmotionEventType(Enum):
    """CHANGE: another label or state. HEARTBEAT: nothing changed for as long as `events.heartbeat_s`."""

    CHANGE = "change"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True)
class EmotionEvent:
    """How the face of a visit looks now; `at` is the wall clock of the frame."""

    type: EmotionEventType
    track_id: int
    at: datetime
    identity: Identity
    emotion: Emotion


class SystemEventType(Enum):
    """CAMERA_LOST, CAMERA_BACK: the source of frames. GAP: events were dropped before they could be sent."""

    CAMERA_LOST = "camera_lost"
    CAMERA_BACK = "camera_back"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class Gap:
    """Events that never reached the broker: how many, and the range of `seq` in which they lie."""

    dropped: int
    first_seq: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class SystemEvent:
    """Something that happened to the device; `detail` is one line for a person, `gap` stands with GAP only."""

    type: SystemEventType
    at: datetime
    detail: str
    gap: Gap | None = None


Event: TypeAlias = FaceEvent | EmotionEvent | SystemEvent
