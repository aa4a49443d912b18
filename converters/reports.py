"""What a command did, as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from converters.parity import Check

if TYPE_CHECKING:  # it imports TensorFlow, which takes seconds
    from converters.conversion import Report


def show(report: Report, console: Console) -> None:
    """Print the models and the gate's figures."""
    table = Table(title="converted")
    for column in ("file", "numbers", "kB", "MMAC", "operators", "delegate"):
        table.add_column(column, justify="right" if column in {"kB", "MMAC"} else "left")
    for model in report.models:
        manifest, coverage = model.manifest, model.coverage
        table.add_row(
            manifest.file,
            manifest.quantization.scheme,
            f"{manifest.size_bytes / 1e3:,.0f}",
            f"{manifest.macs / 1e6:,.1f}" if manifest.macs else "–",
            str(sum(coverage.operators.values())),
            "whole" if coverage.whole else f"{coverage.partitions} parts",
        )
    console.print(table)
    if report.calibration_count:
        console.print(f"calibrated on {report.calibration_count} inputs")
    show_checks(report.checks, console, f"parity on {report.probe_count} inputs that did not calibrate")


def show_checks(checks: Sequence[Check], console: Console, title: str) -> None:
    """Print figures against their limits."""
    table = Table(title=title)
    for column in ("figure", "value", "needs", "", "the limit is from"):
        table.add_column(column)
    for check in checks:
        relation = "≥" if check.sense == "min" else "≤"
        mark = "[green]ok[/]" if check.passed else "[red]no[/]"
        table.add_row(check.name, f"{check.value:.5f}", f"{relation} {check.limit:.5g}", mark, check.source)
    console.print(table)


def as_json(report: Report) -> str:
    """The report as one JSON document: models with their manifests and operators, checks, counts."""
    document: dict[str, Any] = {
        "models": [
            {
                "manifest": model.manifest.model_dump(mode="json", by_alias=True),
                "operators": model.coverage.operators,
                "partitions": model.coverage.partitions,
                "whole": model.coverage.whole,
            }
            for model in report.models
        ],
        "checks": checks_as_json(report.checks),
        "calibration_count": report.calibration_count,
        "probe_count": report.probe_count,
    }
    return json.dumps(document, indent=2)


def checks_as_json(checks: Sequence[Check]) -> list[dict[str, Any]]:
    """Each check with its limit, its source and whether it passed."""
    return [{**vars(check), "passed": check.passed} for check in checks]
