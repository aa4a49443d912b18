"""Types of command line arguments that argparse does not have."""

from __future__ import annotations

import argparse
import math


def at_least_one(text: str) -> int:
    """A whole number of 1 or more.

    Raises:
        argparse.ArgumentTypeError: It is less.
        ValueError: It is no whole number.
    """
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def above_zero(text: str) -> float:
    """A finite number above 0.

    Raises:
        argparse.ArgumentTypeError: It is not.
        ValueError: It is no number.
    """
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError("must be above 0")
    return value
