"""Types for command line arguments that argparse lacks."""

from __future__ import annotations

import argparse
import math


def at_least_one(text: str) -> int:
    """A whole number of 1 or more.

    Raises:
        argparse.ArgumentTypeError: `text` is something else.
    """
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of 1 or more, not {text!r}")
    return value


def above_zero(text: str) -> float:
    """A finite number above 0.

    Raises:
        argparse.ArgumentTypeError: `text` is something else.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {text!r}")
    return value


def from_zero_to_one(text: str) -> float:
    """A number from 0 to 1, both included.

    Raises:
        argparse.ArgumentTypeError: `text` is something else.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1, not {text!r}")
    return value
