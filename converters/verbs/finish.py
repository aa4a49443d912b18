"""What every conversion does with its report."""

from __future__ import annotations

import argparse

from rich.console import Console

from converters import reports
from converters.conversion import Report


def finish(report: Report, args: argparse.Namespace) -> int:
    """Print the report, write it as JSON where asked, exit code 0."""
    reports.show(report, Console())
    if args.json:
        args.json.write_text(reports.as_json(report) + "\n", encoding="utf-8")
    return 0
