"""Options that several verbs share, and what every conversion does at its end."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from edge_fer.arguments import at_least_one
from edge_fer.config.schema import DEFAULT_MODELS
from edge_fer.errors import SourceError

SCHEMES = ("float32", "float16", "dynamic", "int8")


def add_conversion(parser: argparse.ArgumentParser, *, scheme: str) -> None:
    """Where to write, how to store numbers, what to calibrate on."""
    parser.add_argument("--out", type=Path, default=Path("models"), help="folder of the models (default: models)")
    parser.add_argument("--scheme", choices=SCHEMES, default=None, help=f"how numbers are stored (default: {scheme})")
    add_photos(parser)
    parser.add_argument("--allow-partial", action="store_true", help="accept a model that XNNPACK takes in parts only")
    add_json(parser)


def add_photos(parser: argparse.ArgumentParser) -> None:
    """What to calibrate on and to compare with."""
    parser.add_argument(
        "--photos",
        type=Path,
        help="folder or .zip of photos with faces, for calibration and parity (default: two portraits that ship)",
    )
    parser.add_argument(
        "--calibrate", type=at_least_one, default=300, metavar="N", help="use at most N faces (default: 300)"
    )
    parser.add_argument(
        "--detectors",
        type=Path,
        default=DEFAULT_MODELS,
        help="folder of pnet, rnet and onet, which find the faces (default: those that ship)",
    )


def add_pairs(parser: argparse.ArgumentParser) -> None:
    """Labeled pairs, to measure accuracy and thresholds."""
    parser.add_argument("--pairs", type=Path, help="CSV fold,image_a,image_b,same: measures accuracy and thresholds")
    parser.add_argument("--pair-photos", type=Path, help="folder or .zip of the photos of --pairs")
    parser.add_argument(
        "--threshold",
        action="append",
        default=[],
        metavar="NAME=COSINE",
        help="a known operating point, such as fmr_1e-3_single=0.4; may be given several times",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """The report as JSON."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON too")


def console() -> Console:
    """Where reports are printed."""
    return Console()


def numbers(option: str, text: str) -> tuple[float, ...]:
    """Numbers with commas.

    Raises:
        SourceError: Something else.
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise SourceError(f"{option} {text}: not numbers with commas", f"give {option} 127.5,127.5,127.5") from error
