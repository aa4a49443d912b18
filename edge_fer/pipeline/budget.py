"""Which work a frame gets.

Finding and following faces comes first. What is left of the frame's budget goes to jobs, the most urgent first: who is
new or doubtful wants an embedding, whose emotion is oldest wants a classification. At least one job is done in every
frame, and waiting makes a job more urgent, so no face starves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from edge_fer.config.schema import PipelineConfig

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


def in_order(jobs: Iterable[Job]) -> Sequence[Job]:
    """The most urgent first; among equals the older track."""
    return sorted(jobs, key=lambda job: (-job.urgency, job.track_id))
