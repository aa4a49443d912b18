"""Types of command line arguments: what is accepted, and the error for everything else."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest

from edge_fer.arguments import above_zero, at_least_one, from_zero_to_one


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        *((at_least_one, text, "a whole number of 1 or more") for text in ("0", "-3", "1.5", "many", "")),
        *((above_zero, text, "a number above 0") for text in ("0", "-0.5", "nan", "inf", "soon", "")),
        *((from_zero_to_one, text, "a number from 0 to 1") for text in ("-0.1", "1.1", "nan", "half", "")),
    ],
)
def test_a_number_out_of_range_is_a_usage_error(
    kind: Callable[[str], float], text: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2; the message has the option, what it takes, and what was given."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=kind)
    with pytest.raises(SystemExit) as stopped:
        parser.parse_args(["--rounds", text])
    assert stopped.value.code == 2
    assert f"argument --rounds: must be {expected}, not {text!r}" in capsys.readouterr().err


def test_numbers_in_range_are_accepted() -> None:
    """Including the limits."""
    assert at_least_one("1") == 1
    assert above_zero("0.25") == 0.25
    assert (from_zero_to_one("0"), from_zero_to_one("1")) == (0, 1)
