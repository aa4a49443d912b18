"""How the device is: frame rate, latency, load. The inference thread reports, main reads."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from edge_fer.domain.health import HealthReport
from edge_fer.hardware import rss_bytes, temperature_c, throttled


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

    def record_load(self, *, emotion_age_s: float, degradations: tuple[str, ...], warnings: tuple[str, ...]) -> None:
        """What the last frame lacked."""
        with self._lock:
            self._emotion_age_s = emotion_age_s
            self._given_up = degradations
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
                throttled=throttled(self._root),
                emotion_age_s=self._emotion_age_s,
                degradations=self._given_up,
                warnings=self._warnings,
            )

    def _forget(self, now_s: float) -> None:
        while self._done and self._done[0][0] < now_s - self._window_s:
            self._done.popleft()


def _percentile(ascending: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of the values do not exceed (nearest rank)."""
    return ascending[max(1, math.ceil(share * len(ascending))) - 1] if ascending else None
