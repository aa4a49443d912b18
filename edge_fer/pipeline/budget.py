"""Which work a frame gets.

Finding and following faces comes first. What is left of the frame's time goes to jobs, the most urgent first: a new or
doubtful face needs an embedding, the face with the oldest emotion a classification. Each frame does at least one job,
and waiting makes a job more urgent, so no face starves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from edge_fer.config.schema import PipelineConfig

JobStage = Literal["identify", "emotion"]

_THROTTLED_SHARE = 0.5
"""Of the budget, on a board that throttles itself: it slows its clock by about as much. See docs/performance.md."""

_COST_WEIGHT = 0.1
"""Of the newest measurement in a stage's mean cost."""


@dataclass(frozen=True, slots=True)
class Job:
    """One crop through one network.

    Attributes:
        urgency: Jobs with a higher urgency go first.
    """

    stage: JobStage
    track_id: int
    urgency: float


class Budget:
    """The time that a frame may take; one thread owns it.

    Attributes:
        throttled: The board slows itself down, for heat or a weak power supply, and is given less work.
    """

    def __init__(self, config: PipelineConfig) -> None:
        self._frame_s = config.cpu_budget / config.target_fps
        self._cost_s: dict[JobStage, float] = {"identify": 0.0, "emotion": 0.0}
        self.throttled = False

    @property
    def frame_s(self) -> float:
        """Seconds of work that one frame may take."""
        return self._frame_s * _THROTTLED_SHARE if self.throttled else self._frame_s

    def affords(self, job: Job, spent_s: float, done: int) -> bool:
        """Whether the job still fits into a frame that has taken `spent_s` and done `done` jobs; the first one does."""
        return done == 0 or spent_s + self._cost_s[job.stage] <= self.frame_s

    def record_cost(self, stage: JobStage, seconds: float) -> None:
        """Update a stage's mean cost with one job's."""
        mean_s = self._cost_s[stage]
        self._cost_s[stage] = mean_s + _COST_WEIGHT * (seconds - mean_s) if mean_s else seconds


def by_urgency(jobs: Iterable[Job]) -> Sequence[Job]:
    """The most urgent first; among equals the older track."""
    return sorted(jobs, key=lambda job: (-job.urgency, job.track_id))
