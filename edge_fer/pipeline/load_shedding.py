"""Makes the search for faces cheaper under lasting overload.

When finding faces alone takes more than the frame's budget for seconds on end, the search is made cheaper step by step,
in the order of `STEPS`, and the steps are taken back when the load falls. Each step is reported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """How the search is made cheaper.

    Attributes:
        search_interval: Factor on the time between two searches of the whole frame.
        min_face: Factor on the smallest face looked for.
        degradation: What is lost by it, in words; None for nothing.
    """

    search_interval: float
    min_face: float
    degradation: str | None


STEPS = (
    Step(1, 1, None),
    Step(2, 1, "newcomers are looked for half as often"),
    Step(4, 1, "newcomers are looked for a quarter as often"),
    Step(4, 1.5, "faces below 1.5 times the smallest size are not looked for"),
    Step(4, 2, "faces below twice the smallest size are not looked for"),
)
"""From no degradation to the most; faces that are already followed are never given up."""

_LOAD_WEIGHT = 0.05
"""Of the newest frame in the mean cost of finding faces: twenty frames hold several searches and what lies between."""

_OVERLOAD_S = 2.0
"""Overload must last this long before a step is taken: a single busy second is not a trend."""

_RECOVERY_S = 10.0
"""Low load must last this long before a step is taken back, so that the steps do not oscillate."""

_LOW_LOAD = 0.6
"""Share of the budget that counts as low load: taking a step back at most doubles the cost of searching."""


class LoadShedder:
    """The step that the load of the last seconds calls for; one thread owns it."""

    def __init__(self) -> None:
        self._level = 0
        self._mean_detect_s = 0.0
        self._overloaded_since_s = self._low_since_s = math.inf

    @property
    def step(self) -> Step:
        """The step in force."""
        return STEPS[self._level]

    def update(self, now_s: float, detect_s: float, budget_s: float) -> bool:
        """Note the cost of finding faces in one frame; True where another step is in force now.

        Args:
            now_s: The frame's time.
            detect_s: Seconds that finding faces took in this frame.
            budget_s: Seconds of work that a frame may take.
        """
        self._mean_detect_s += _LOAD_WEIGHT * (detect_s - self._mean_detect_s)
        overloaded, low = self._mean_detect_s > budget_s, self._mean_detect_s < _LOW_LOAD * budget_s
        self._overloaded_since_s = min(self._overloaded_since_s, now_s) if overloaded else math.inf
        self._low_since_s = min(self._low_since_s, now_s) if low else math.inf
        before = self._level
        if now_s - self._overloaded_since_s >= _OVERLOAD_S:
            self._level = min(before + 1, len(STEPS) - 1)
        elif now_s - self._low_since_s >= _RECOVERY_S:
            self._level = max(before - 1, 0)
        if self._level != before:
            self._overloaded_since_s = self._low_since_s = math.inf
        return self._level != before
