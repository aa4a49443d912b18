"""What is given up when finding faces alone takes too long.

When it takes more than the budget for seconds on end, it is made cheaper step by step, in the order of `STEPS`, and
again dearer when there is room. Each step is reported.
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
        degradations: In words, for people.
    """

    search_interval: float
    min_face: float
    degradations: str | None


STEPS = (
    Step(1, 1, None),
    Step(2, 1, "newcomers are looked for half as often"),
    Step(4, 1, "newcomers are looked for a quarter as often"),
    Step(4, 1.5, "faces below 1.5 times the smallest size are not looked for"),
    Step(4, 2, "faces below twice the smallest size are not looked for"),
)
"""From nothing given up to the most; faces already followed are given up at no step."""

_SETTLE_S = 2.0
"""Overload must last this long before a step: a single busy second is no trend."""

_RELAX_S = 10.0
"""Room must last this long before a step is taken back, so that the steps do not swing."""

_RELAX_BELOW = 0.6
"""Share of the budget that counts as room: taking a step back at most doubles the cost of searching."""


class Degradation:
    """The step that the load of the last seconds calls for; one thread owns it."""

    def __init__(self) -> None:
        self._level = 0
        self._over_since_s = self._under_since_s = math.inf

    @property
    def step(self) -> Step:
        """What is given up now."""
        return STEPS[self._level]

    def observe(self, now_s: float, detect_s: float, budget_s: float) -> bool:
        """Take in one frame's cost of finding faces; True where the step has changed.

        Args:
            detect_s: Mean seconds a frame, over the searches and what lies between them.
            budget_s: Seconds of work that a frame may be.
        """
        self._over_since_s = min(self._over_since_s, now_s) if detect_s > budget_s else math.inf
        self._under_since_s = min(self._under_since_s, now_s) if detect_s < _RELAX_BELOW * budget_s else math.inf
        before = self._level
        if now_s - self._over_since_s >= _SETTLE_S:
            self._level = min(before + 1, len(STEPS) - 1)
        elif now_s - self._under_since_s >= _RELAX_S:
            self._level = max(before - 1, 0)
        if self._level != before:
            self._over_since_s = self._under_since_s = math.inf
        return self._level != before
