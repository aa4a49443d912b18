"""``edge-fer-convert inspect``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from converters import graph
from edge_fer.errors import ModelError
from edge_fer.tflite import manifest as manifests

SUMMARY = "what a .tflite file takes, gives and costs, what XNNPACK takes of it, and what its manifest says"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file."""
    parser.add_argument("model", type=Path, help="a .tflite file, with or without a manifest")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    """Look only; exit code 65 where the manifest does not fit the file."""
    if not args.model.is_file():
        raise ModelError(f"{args.model}: no such file", "give a .tflite file")
    found = facts(args.model)
    if args.json:
        print(json.dumps(found, indent=2))  # noqa: T201
        return 0
    table = Table(title=args.model.name, show_header=False)
    for name, value in found.items():
        table.add_row(name, _text(value))
    Console().print(table)
    return 0


def facts(path: Path) -> dict[str, Any]:
    """All that is known about one file.

    Raises:
        ModelError: There is a manifest, and it does not fit the file.
        ConversionError: The run time cannot load the file.
    """
    found = graph.coverage(path)
    facts: dict[str, Any] = {
        "bytes": path.stat().st_size,
        "sha256": manifests.sha256_of(path),
        "inputs": found.inputs,
        "outputs": found.outputs,
        "operators": found.operators,
        "multiply-accumulates": found.macs,
        "xnnpack": "whole graph" if found.whole else f"{found.partitions} parts, the rest outside",
    }
    if not path.with_suffix(".json").is_file():
        return facts | {"manifest": "none: the daemon refuses this file"}
    return facts | {"manifest": manifests.load(path).model_dump(mode="json", by_alias=True)}


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name}: {_inline(part)}" for name, part in value.items())
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def _inline(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
