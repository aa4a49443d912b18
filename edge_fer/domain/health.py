"""The state of the device: what the health message reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypedDict


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What the pipeline gives up under load.

    Attributes:
        degradations: In words, for people; empty while everything is as configured.
        emotion_age_s: Age of the oldest emotion among the faces that have one; compare with emotion.refresh_s.
    """

    degradations: tuple[str, ...] = ()
    emotion_age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The state of the device at one moment.

    Attributes:
        fps: Frames processed per second, over the window.
        latency_p50_ms: From capture to the end of processing, median over the window; None without frames.
        latency_p95_ms: The same, 95th percentile.
        frame_age_s: Since the last processed frame was captured; None before the first.
        frames: Processed since the start.
        faces: In the last frame, confirmed tracks only.
        rss_bytes: Resident memory of the process.
        temperature_c: Of the processor; None where the system does not report it.
        throttled: The Raspberry Pi slows itself down, for heat or a weak power supply; None elsewhere.
        emotion_age_s: Age of the oldest emotion in the last frame; far above emotion.refresh_s, there is too much work.
        degradations: What the pipeline gives up for lack of time, in words.
        warnings: What seems to be wrong, in words.
    """

    fps: float
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    frame_age_s: float | None
    frames: int
    faces: int
    rss_bytes: int
    temperature_c: float | None
    throttled: bool | None
    emotion_age_s: float = 0.0
    degradations: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


CameraState = Literal["opening", "ok", "lost", "ended"]


class OutboxReadings(TypedDict):
    """Events since the start: waiting now, acknowledged by the broker, refused by it, and dropped unsent."""

    queued: int
    acked: int
    refused: int
    dropped: int
