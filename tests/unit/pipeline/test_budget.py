"""What a frame's budget buys, who waits, and what is given up in which order."""

from __future__ import annotations

import itertools

import pytest

from edge_fer.config.schema import PipelineConfig
from edge_fer.pipeline.budget import Budget, Job, in_order
from edge_fer.pipeline.load_shedding import STEPS, Degradation

NAME, MOOD = Job("identify", 1, 4.0), Job("emotion", 1, 1.0)


def budget() -> Budget:
    return Budget(PipelineConfig(target_fps=10, cpu_budget=0.5))


def test_a_frame_is_its_share_of_the_time_between_two() -> None:
    """Half of a tenth of a second."""
    assert budget().frame_s == pytest.approx(0.05)


def test_the_first_job_is_always_done() -> None:
    """However late the frame is: otherwise a slow board would never say a name."""
    assert budget().affords(NAME, spent_s=9.0, done=0)
    assert not budget().affords(NAME, spent_s=9.0, done=1)


def test_a_job_must_fit_by_what_such_jobs_took() -> None:
    """Costs are learned per stage."""
    purse = budget()
    purse.learn("identify", 0.030)
    purse.learn("emotion", 0.002)
    assert not purse.affords(NAME, spent_s=0.025, done=1)
    assert purse.affords(MOOD, spent_s=0.025, done=1)


def test_one_slow_job_is_no_rule() -> None:
    """A hiccup of the machine moves the mean by a tenth."""
    purse = budget()
    purse.learn("emotion", 0.002)
    purse.learn("emotion", 0.102)
    assert purse.affords(MOOD, spent_s=0.03, done=1)


def test_a_hot_board_is_given_less() -> None:
    """Half the share, half the work."""
    purse = budget()
    purse.shrink(0.5)
    assert purse.frame_s == pytest.approx(0.025)


def test_the_most_urgent_goes_first_and_the_older_track_among_equals() -> None:
    """A total order: the same jobs are done in the same order every time."""
    jobs = [Job("emotion", 3, 1.0), Job("emotion", 2, 7.0), Job("identify", 9, 4.0), Job("identify", 5, 4.0)]
    assert [job.track_id for job in in_order(jobs)] == [2, 5, 9, 3]


def fed(seconds: float, load: float, ladder: Degradation, start_s: float = 0.0) -> list[int]:
    """Levels after each of the frames, ten a second, that cost `load` budgets."""
    levels = []
    for number in range(round(seconds * 10)):
        ladder.observe(start_s + number / 10, detect_s=load * 0.05, budget_s=0.05)
        levels.append(STEPS.index(ladder.step))
    return levels


def test_a_busy_second_gives_nothing_up() -> None:
    """Only lasting overload does."""
    assert set(fed(1.9, 3.0, Degradation())) == {0}


def test_overload_climbs_step_by_step_to_the_last() -> None:
    """A step each two seconds, in the documented order, and no further than the last."""
    levels = fed(15, 3.0, Degradation())
    assert levels == sorted(levels)
    assert set(levels) == set(range(len(STEPS)))
    assert levels.index(1) == pytest.approx(20, abs=1)


def test_room_takes_steps_back_slowly() -> None:
    """Ten seconds each; in between, at a load that is just right, nothing moves."""
    ladder = Degradation()
    fed(4.5, 3.0, ladder)
    assert set(fed(30, 0.8, ladder, 4.5)) == {2}
    assert fed(21, 0.3, ladder, 34.5)[-1] == 0


def test_steps_grow_and_each_says_what_is_given_up() -> None:
    """No step is dearer than the one before, and none is silent."""
    for dearer, cheaper in itertools.pairwise(STEPS):
        assert cheaper.search_interval >= dearer.search_interval
        assert cheaper.min_face >= dearer.min_face
        assert cheaper.degradations
