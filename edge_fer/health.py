"""How the device is: frame rate, latency, memory, temperature. The inference thread reports, main reads.

Sources: Linux's proc(5) and sysfs thermal zones; the Raspberry Pi firmware's get_throttled bits
(https://www.raspberrypi.com/documentation/computers/os.html#vcgencmd).
"""

from __future__ import annotations

import math
import os
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_THROTTLED_NOW = 0xF  # under-voltage, capped, throttled, soft temperature limit; the higher bits are history


@dataclass(frozen=True, slots=True)
class HealthReport:
    """One look at the device.

    Attributes:
        fps: Frames processed per second, over the window.
        latency_p50_ms: From capture to the end of processing, median over the window; None without frames.
        latency_p95_ms: The same, 95th percentile.
        frame_age_s: Since the last processed frame was captured; None before the first.
        frames: Processed since the start.
        faces: In the last frame.
        rss_bytes: Resident memory of the process.
        temperature_c: Of the processor; None where the system does not tell.
        throttled: The Raspberry Pi slows itself down, for heat or a weak power supply; None elsewhere.
        emotion_age_s: Age of the oldest emotion in the last frame; far above emotion.refresh_s, there is too much work.
        given_up: What the pipeline gives up for lack of time, in words.
        warnings: What looks wrong, in words.
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
    given_up: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Health:
    """Collects what the threads tell; safe to use from all of them.

    Args:
        window_s: How far back rate and latencies look.
        root: Where /proc and /sys are found.
    """

    def __init__(self, *, window_s: float = 30.0, root: Path = Path("/")) -> None:
        self._window_s = window_s
        self._root = root
        self._lock = threading.Lock()
        self._done: deque[tuple[float, float]] = deque()
        self._first_s: float | None = None
        self._captured_s: float | None = None
        self._frames = 0
        self._faces = 0
        self._emotion_age_s = 0.0
        self._given_up: tuple[str, ...] = ()
        self._warnings: tuple[str, ...] = ()

    def strained(self, *, emotion_age_s: float, given_up: tuple[str, ...], warnings: tuple[str, ...]) -> None:
        """What the last frame lacked."""
        with self._lock:
            self._emotion_age_s = emotion_age_s
            self._given_up = given_up
            self._warnings = warnings

    def frame_done(self, *, captured_s: float, done_s: float, faces: int) -> None:
        """A frame went through the pipeline; both times in monotonic seconds."""
        with self._lock:
            self._first_s = done_s if self._first_s is None else self._first_s
            self._captured_s = captured_s
            self._frames += 1
            self._faces = faces
            self._done.append((done_s, max(0.0, done_s - captured_s)))
            self._forget(done_s)

    def camera_lost(self) -> None:
        """Nobody is seen any more."""
        with self._lock:
            self._faces = 0

    def report(self, now_s: float) -> HealthReport:
        """Everything, as of now_s in monotonic seconds."""
        with self._lock:
            self._forget(now_s)
            latencies_ms = sorted(1000 * latency_s for _, latency_s in self._done)
            span_s = min(self._window_s, now_s - self._first_s) if self._first_s is not None else 0.0
            return HealthReport(
                fps=len(latencies_ms) / max(span_s, 1.0),
                latency_p50_ms=_percentile(latencies_ms, 0.50),
                latency_p95_ms=_percentile(latencies_ms, 0.95),
                frame_age_s=None if self._captured_s is None else max(0.0, now_s - self._captured_s),
                frames=self._frames,
                faces=self._faces,
                rss_bytes=rss_bytes(self._root),
                temperature_c=temperature_c(self._root),
                throttled=_throttled(self._root),
                emotion_age_s=self._emotion_age_s,
                given_up=self._given_up,
                warnings=self._warnings,
            )

    def _forget(self, now_s: float) -> None:
        while self._done and self._done[0][0] < now_s - self._window_s:
            self._done.popleft()


def _percentile(ascending: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of the values do not exceed (nearest rank)."""
    return ascending[max(1, math.ceil(share * len(ascending))) - 1] if ascending else None


def rss_bytes(root: Path = Path("/")) -> int:
    """Resident memory of this process."""
    resident_pages = (root / "proc/self/statm").read_text().split()[1]
    return int(resident_pages) * os.sysconf("SC_PAGE_SIZE")


def temperature_c(root: Path = Path("/")) -> float | None:
    """Of the zone named after the processor, else of the first one; None where there is none."""
    zones = sorted(root.glob("sys/class/thermal/thermal_zone*"))
    by_type = [(_read(zone / "type"), zone) for zone in zones]
    named = [zone for kind, zone in by_type if kind and "cpu" in kind.lower()]
    for zone in named or zones[:1]:
        text = _read(zone / "temp")
        if text and text.lstrip("-").isdigit():
            return int(text) / 1000
    return None


def _throttled(root: Path) -> bool | None:
    for path in root.glob("sys/devices/platform/soc*/soc*:firmware/get_throttled"):
        text = _read(path)
        if text:
            return bool(int(text, 16) & _THROTTLED_NOW)
    return None


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:  # absent, or a sensor that is switched off
        return None
