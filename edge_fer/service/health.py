"""The state of the device: frame rate, latency, load. The inference thread records, the main thread reports."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from edge_fer.domain.health import HealthReport, LoadReport
from edge_fer.hardware import rss_bytes, temperature_c, throttled

_THROTTLING_CHECK_S = 5.0
"""Between two looks at the board's own sign that it slows itself down."""


class Health:
    """Collects what the threads record; any thread may call any method.

    Args:
        window_s: How far back frame rate and latencies look.
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
        self._load = LoadReport()
        self._warnings: tuple[str, ...] = ()
        self._throttled = False
        self._next_throttling_check_s = -math.inf

    def record_frame(self, *, captured_s: float, done_s: float, faces: int) -> None:
        """Note a frame that went through the pipeline; both times in monotonic seconds."""
        with self._lock:
            self._first_s = done_s if self._first_s is None else self._first_s
            self._captured_s = captured_s
            self._frames += 1
            self._faces = faces
            self._done.append((done_s, max(0.0, done_s - captured_s)))
            self._drop_old(done_s)

    def record_load(self, load: LoadReport, warnings: tuple[str, ...]) -> None:
        """Note what the last frame lacked, and what seems to be wrong, in words."""
        with self._lock:
            self._load = load
            self._warnings = warnings

    def record_camera_lost(self) -> None:
        """Note that no face is seen any more."""
        with self._lock:
            self._faces = 0

    def is_throttled(self, now_s: float) -> bool:
        """Whether the board slows itself down, as of some seconds ago; cheap enough for every frame."""
        with self._lock:
            if now_s >= self._next_throttling_check_s:
                self._next_throttling_check_s = now_s + _THROTTLING_CHECK_S
                self._throttled = bool(throttled(self._root))
            return self._throttled

    def report(self, now_s: float) -> HealthReport:
        """Everything, as of `now_s` in monotonic seconds."""
        with self._lock:
            self._drop_old(now_s)
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
                emotion_age_s=self._load.emotion_age_s,
                degradations=self._load.degradations,
                warnings=self._warnings,
            )

    def _drop_old(self, now_s: float) -> None:
        while self._done and self._done[0][0] < now_s - self._window_s:
            self._done.popleft()


def _percentile(ascending: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of the values do not exceed (nearest rank)."""
    return ascending[max(1, math.ceil(share * len(ascending))) - 1] if ascending else None
