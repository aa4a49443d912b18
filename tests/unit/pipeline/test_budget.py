"""Which jobs fit into a frame, and in which order."""

from __future__ import annotations

import pytest

from edge_fer.config.schema import PipelineConfig
from edge_fer.pipeline.budget import Budget, Job, by_urgency

IDENTIFY, CLASSIFY = Job("identify", 1, 4.0), Job("emotion", 1, 1.0)


@pytest.fixture
def budget() -> Budget:
    """Of 50 ms per frame."""
    return Budget(PipelineConfig(target_fps=10, cpu_budget=0.5))


def test_a_frame_may_take_its_share_of_the_time_between_two(budget: Budget) -> None:
    """Half of a tenth of a second."""
    assert budget.frame_s == pytest.approx(0.05)


def test_a_throttled_board_gets_half_the_work(budget: Budget) -> None:
    """As long as it is throttled."""
    budget.throttled = True
    assert budget.frame_s == pytest.approx(0.025)
    budget.throttled = False
    assert budget.frame_s == pytest.approx(0.05)


def test_the_first_job_always_fits(budget: Budget) -> None:
    """However late the frame is: otherwise a slow board would never recognize anybody."""
    assert budget.affords(IDENTIFY, spent_s=9.0, done=0)
    assert not budget.affords(IDENTIFY, spent_s=9.0, done=1)


def test_a_job_must_fit_by_the_mean_cost_of_its_stage(budget: Budget) -> None:
    """An expensive stage does not fit where a cheap one does."""
    budget.record_cost("identify", 0.030)
    budget.record_cost("emotion", 0.002)
    assert not budget.affords(IDENTIFY, spent_s=0.025, done=1)
    assert budget.affords(CLASSIFY, spent_s=0.025, done=1)


def test_one_slow_job_hardly_changes_the_mean(budget: Budget) -> None:
    """A hiccup of the machine counts a tenth."""
    budget.record_cost("emotion", 0.002)
    budget.record_cost("emotion", 0.102)
    assert budget.affords(CLASSIFY, spent_s=0.03, done=1)


def test_the_most_urgent_goes_first_and_the_older_track_among_equals() -> None:
    """A total order: the same jobs are always done in the same order."""
    jobs = [Job("emotion", 3, 1.0), Job("emotion", 2, 7.0), Job("identify", 9, 4.0), Job("identify", 5, 4.0)]
    assert [job.track_id for job in by_urgency(jobs)] == [2, 5, 9, 3]
