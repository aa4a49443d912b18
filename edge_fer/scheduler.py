"""Which work a frame gets, and what is given up when there is too much of it.

Finding and following faces comes first. What is left of the frame's budget goes to jobs, the most urgent first: who is
new or doubtful wants an embedding, whose emotion is oldest wants a classification. At least one job is done in every
frame, and waiting makes a job more urgent, so no face starves.

When finding faces alone takes more than the budget for seconds on end, it is made cheaper step by step, in the order of
`STEPS`, and again dearer when there is room. Each step is told.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from edge_fer.config import PipelineConfig

Stage = Literal["identify", "emotion"]


@dataclass(frozen=True, slots=True)
class Job:
    """One crop through one network.

    Attributes:
        urgency: The larger, the sooner.
    """

    stage: Stage
    track_id: int
    urgency: float


@dataclass(frozen=True, slots=True)
class Step:
    """How the search is made cheaper.

    Attributes:
        search_interval: Factor on the time between two searches of the whole frame.
        min_face: Factor on the smallest face looked for.
        given_up: In words, for people.
    """

    search_interval: float
    min_face: float
    given_up: str | None


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

_COST_WEIGHT = 0.1
"""Of the newest measurement in a stage's mean cost."""


class Budget:
    """The time that jobs may take; one thread owns it."""

    def __init__(self, config: PipelineConfig) -> None:
        self._frame_s = config.cpu_budget / config.target_fps
        self._share = 1.0
        self._cost_s: dict[Stage, float] = {"identify": 0.0, "emotion": 0.0}

    @property
    def frame_s(self) -> float:
        """Seconds of work that one frame may be."""
        return self._frame_s * self._share

    def shrink(self, share: float) -> None:
        """Work with this share of the budget, in (0, 1]: a hot board is given less to do."""
        self._share = share

    def affords(self, job: Job, spent_s: float, done: int) -> bool:
        """Whether the job still fits into the frame after `spent_s` seconds; the first one always does."""
        return done == 0 or spent_s + self._cost_s[job.stage] <= self.frame_s

    def learn(self, stage: Stage, seconds: float) -> None:
        """Take in what a job took."""
        known_s = self._cost_s[stage]
        self._cost_s[stage] = known_s + _COST_WEIGHT * (seconds - known_s) if known_s else seconds


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


def in_order(jobs: Iterable[Job]) -> Sequence[Job]:
    """The most urgent first; among equals the older track."""
    return sorted(jobs, key=lambda job: (-job.urgency, job.track_id))
