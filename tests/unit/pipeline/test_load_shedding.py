"""How the search is made cheaper under lasting overload, and restored."""

from __future__ import annotations

import itertools

import pytest

from edge_fer.pipeline.load_shedding import STEPS, LoadShedder

BUDGET_S = 0.05
FPS = 10


def levels_of(seconds: float, load: float, shedder: LoadShedder, start_s: float = 0.0) -> list[int]:
    """The step in force after each of the frames, ten per second, whose search takes `load` budgets."""
    levels = []
    for number in range(round(seconds * FPS)):
        shedder.update(start_s + number / FPS, load * BUDGET_S, BUDGET_S)
        levels.append(STEPS.index(shedder.step))
    return levels


def test_a_busy_second_changes_nothing() -> None:
    """Only lasting overload does: the mean passes the budget after 0.7 s, and 2 s of overload are needed."""
    assert set(levels_of(2.6, 3.0, LoadShedder())) == {0}


def test_a_single_slow_frame_is_not_overload() -> None:
    """The mean over some twenty frames counts: one search among followed frames may take ten budgets."""
    shedder = LoadShedder()
    for second in range(20):
        assert levels_of(0.1, 10.0, shedder, second) == [0]
        assert set(levels_of(0.9, 0.1, shedder, second + 0.1)) == {0}


def test_overload_leads_step_by_step_to_the_last() -> None:
    """A step every two seconds, in the documented order, and no further than the last."""
    levels = levels_of(15, 3.0, LoadShedder())
    assert levels == sorted(levels)
    assert set(levels) == set(range(len(STEPS)))
    # 1 − 0.95ⁿ exceeds 1/3 at n = 8 frames; 2 s are 20 frames more
    assert levels.index(1) == pytest.approx(8 + 20, abs=1)
    assert levels.index(2) - levels.index(1) == pytest.approx(20, abs=1)


def test_low_load_takes_steps_back_slowly() -> None:
    """After ten seconds each; a load between low and over changes nothing."""
    shedder = LoadShedder()
    levels_of(5.5, 3.0, shedder)
    settled = levels_of(30, 0.8, shedder, 5.5)
    assert set(settled[50:]) == {settled[50]}
    assert settled[50] > 0
    low = levels_of(60, 0.3, shedder, 35.5)
    assert low[-1] == 0
    assert low.index(settled[50] - 1) >= 10 * FPS


def test_a_change_of_step_is_reported() -> None:
    """Once, in the frame in which it happens."""
    shedder = LoadShedder()
    changes = [shedder.update(number / FPS, 3 * BUDGET_S, BUDGET_S) for number in range(40)]
    assert sum(changes) == 1


def test_steps_grow_and_each_names_its_degradation() -> None:
    """No step costs more than the one before, and none is silent."""
    assert STEPS[0].degradation is None
    for before, after in itertools.pairwise(STEPS):
        assert after.search_interval >= before.search_interval
        assert after.min_face >= before.min_face
        assert after.degradation
