"""How long the stages of a frame take."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

STAGES = ("detect", "track", "quality", "identify", "emotion")


@dataclass(slots=True)
class Timings:
    """Where the time of one frame went, in seconds.

    Attributes:
        stages: Stage → seconds.
        total_s: Of the whole frame.
        invoke_s: Inside the models; the rest of `total_s` is our own code.
    """

    stages: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    total_s: float = 0.0
    invoke_s: float = 0.0
    _started_s: float = field(default_factory=time.perf_counter, repr=False)
    _lap_started_s: float = field(default=0.0, init=False, repr=False)

    def __post_init__(self) -> None:
        self._lap_started_s = self._started_s

    def lap(self, stage: str) -> float:
        """Add the seconds since the last lap, or since the frame began, to a stage; returns them."""
        now_s = time.perf_counter()
        seconds, self._lap_started_s = now_s - self._lap_started_s, now_s
        self.stages[stage] += seconds
        return seconds

    def elapsed_s(self) -> float:
        """Seconds since the frame began."""
        return time.perf_counter() - self._started_s
