"""Where the time of a frame goes."""

from __future__ import annotations

import time

import pytest

from edge_fer.pipeline.timings import STAGES, Timings


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock of laps, in seconds; a test sets it."""
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return now


def test_laps_add_up_per_stage(clock: list[float]) -> None:
    """Each lap counts from the one before, the first from the start of the frame."""
    timings = Timings(_started_s=100.0)
    for stage, at_s in (("detect", 100.5), ("emotion", 100.75), ("identify", 101.0), ("emotion", 101.5)):
        clock[0] = at_s
        timings.lap(stage)
    assert timings.stages == {"detect": 0.5, "track": 0, "quality": 0, "identify": 0.25, "emotion": 0.75}
    assert timings.elapsed_s() == 1.5


def test_a_lap_returns_its_seconds(clock: list[float]) -> None:
    """Which is what a job has cost."""
    timings = Timings(_started_s=100.0)
    clock[0] = 100.25
    assert timings.lap("identify") == 0.25


def test_every_stage_is_there_from_the_start() -> None:
    """A stage that does not run counts as 0."""
    assert Timings().stages == dict.fromkeys(STAGES, 0.0)
