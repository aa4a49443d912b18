"""Numbers on the command line that cannot be are refused in one line."""

from __future__ import annotations

import argparse

import pytest

from edge_fer.arguments import above_zero, at_least_one


@pytest.mark.parametrize("text", ["0", "-3", "1.5", "many", ""])
def test_a_count_is_a_whole_number_of_one_or_more(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Usage error, exit code 2, the option and the value named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=at_least_one)
    with pytest.raises(SystemExit) as stopped:
        parser.parse_args(["--rounds", text])
    assert stopped.value.code == 2
    assert "--rounds" in capsys.readouterr().err
    assert parser.parse_args(["--rounds", "1"]).rounds == 1


@pytest.mark.parametrize("text", ["0", "-0.5", "nan", "inf", "soon"])
def test_a_positive_number_is_finite_and_above_zero(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """So that nothing is divided by it in vain, and nothing runs for ever."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fps", type=above_zero)
    with pytest.raises(SystemExit) as stopped:
        parser.parse_args(["--fps", text])
    assert stopped.value.code == 2
    assert "--fps" in capsys.readouterr().err
    assert parser.parse_args(["--fps", "0.25"]).fps == 0.25
