"""Two runtimes, one set of models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converters import compatibility
from converters.compatibility import Answers, differences

MODELS = Path(__file__).parents[3] / "models"


@pytest.fixture
def recorded() -> Answers:
    """Made-up answers for three pictures."""
    draw = np.random.default_rng(0)
    points = np.array(((30, 40), (70, 40), (50, 60), (35, 80), (65, 80)), np.float32)
    return {
        "landmarks": np.stack([points, points + 5, points + 9]),
        "identity": draw.normal(size=(3, 128)).astype(np.float32),
        "emotion": draw.normal(size=(3, 8)).astype(np.float32),
    }


def test_small_differences_are_none(recorded: Answers) -> None:
    """Other rounding, the same answers."""
    other = recorded | {"landmarks": recorded["landmarks"] + 1, "identity": recorded["identity"] * 1.0001}
    assert differences(recorded, other) == []


@pytest.mark.parametrize("name", ["landmarks", "identity", "emotion"])
def test_large_differences_are_named(recorded: Answers, name: str) -> None:
    """Which part, how far, and how far it may be."""
    other = recorded | {name: np.roll(recorded[name], 1, axis=1)}
    (problem,) = differences(recorded, other)
    assert problem.startswith(name)
    assert "expected" in problem


def test_this_runtime_agrees_with_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Record, compare, exit code 0."""
    path = tmp_path / "answers.npz"
    assert compatibility.main(["--models", str(MODELS), "--record", str(path)]) == 0
    assert compatibility.main(["--models", str(MODELS), "--compare", str(path)]) == 0
    assert "same answers" in capsys.readouterr().out
