"""What happens to a visit, to an emotion, or to the device; each event becomes one message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypeAlias

from edge_fer.domain.faces import Emotion, Identity, Quality


class FaceEventType(Enum):
    """ENTER: a visit begins. UPDATE: who it is changed, or the heartbeat is due. LEAVE: the visit is over."""

    ENTER = "enter"
    UPDATE = "update"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class FaceEvent:
    """Something that a server should know about one visit.

    Attributes:
        at: Wall clock of the frame that it comes from.
        box: x, y, width, height as shares of the frame in [0, 1]; the part inside the frame.
        quality: Of this frame's detection, or None where the face was not detected.
    """

    type: FaceEventType
    track_id: int
    at: datetime
    box: tuple[float, float, float, float]
    quality: Quality | None
    identity: Identity
    emotion: Emotion


class EmotionEventType(Enum):
    """CHANGE: another label or state. HEARTBEAT: nothing has changed for `events.heartbeat_s`."""

    CHANGE = "change"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True)
class EmotionEvent:
    """The emotion that a visit's face shows now; `at` is the wall clock of the frame."""

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
    """Something that happened to the device; `detail` is one line for people, `gap` is set for GAP only."""

    type: SystemEventType
    at: datetime
    detail: str
    gap: Gap | None = None


Event: TypeAlias = FaceEvent | EmotionEvent | SystemEvent
