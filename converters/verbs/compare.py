"""``edge-fer-convert compare``."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from converters.verbs import options

SUMMARY = "two converted models of one task on the same faces: agreement, size, and time side by side"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The two."""
    parser.add_argument("first", type=Path, help="a .tflite file with its manifest")
    parser.add_argument("second", type=Path, help="another, of the same task")
    options.add_photos(parser)


def run(args: argparse.Namespace) -> int:
    """Look only."""
    from converters import calibration, comparison, latency  # noqa: PLC0415

    faces = calibration.collect(args.photos, args.detectors, args.calibrate)
    found = comparison.compare(args.first, args.second, (*faces.calibration, *faces.probe))
    times = latency.medians_ms((args.first, args.second))
    table = Table(title=f"{args.first.name} and {args.second.name} on {found.faces} faces")
    for column in ("", str(args.first), str(args.second)):
        table.add_column(column)
    for name, (first, second) in found.sides.items():
        table.add_row(name, first, second)
    table.add_row("ms, one thread", *(f"{value:.3f}" for value in times))
    console = Console()
    console.print(table)
    for name, value in found.agreement.items():
        console.print(f"{name}: {value:.5f}")
    return 0
