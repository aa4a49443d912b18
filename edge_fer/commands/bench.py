"""edge-fer bench: where a frame's time goes on this board."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_fer.arguments import at_least_one
from edge_fer.errors import ConfigError

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from edge_fer.diagnostics.bench import BenchReport
    from edge_fer.domain.faces import Frame
    from edge_fer.sources.base import Source

_DESCRIPTION = """\
Run the pipeline on a video, or on the built-in clip of two people, and print where the time goes: per stage, inside and
outside the models, memory, faces per second. Nothing is published.

With --reference, each figure is compared with one measured before on the same kind of board, and marked where it
differs by 30 % or more; the exit code is then 1."""


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "bench",
        help="measure where a frame's time goes on this board",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE", type=Path, help="configuration (default: the defaults)")
    parser.add_argument("--source", metavar="PATH", help="a video file or a folder of images (default: built-in clip)")
    parser.add_argument(
        "--frames", metavar="N", type=at_least_one, default=400, help="number of frames, at most (default: 400)"
    )
    parser.add_argument("--threads", metavar="N", type=at_least_one, help="overrides models.threads")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all figures to FILE, for a later --reference")
    parser.add_argument("--reference", metavar="FILE", type=Path, help="compare with figures written by --json")


def run(args: argparse.Namespace) -> int:
    """Measure and print; 1 where a figure differs too much from its reference."""
    from edge_fer.config import loading  # noqa: PLC0415
    from edge_fer.diagnostics import bench  # noqa: PLC0415
    from edge_fer.pipeline import building  # noqa: PLC0415
    from edge_fer.samples import clip  # noqa: PLC0415
    from edge_fer.sources import opening  # noqa: PLC0415

    reference = _read_reference(args.reference) if args.reference else {}
    with tempfile.TemporaryDirectory() as folder:
        source = args.source or str(clip.ensure(Path(folder), lambda _done, _all: None))
        flags: dict[str, object] = {"camera.source": source, "camera.pace": "fast"}
        if args.threads:
            flags["models.threads"] = args.threads
        settings = loading.load(args.config, flags)
        if opening.is_device(source):
            raise ConfigError(
                f"{source}: a camera cannot be used for a benchmark",
                "use --source with a video file or a folder of images",
            )
        pipeline = building.build(settings)
        frame_source = opening.open_source(settings.camera)
        try:
            report = bench.measure(pipeline, _first(frame_source, args.frames))
        finally:
            frame_source.close()
    if args.json:
        _write(args.json, json.dumps(bench.as_json(report), indent=2) + "\n")
    ratios = bench.ratios_to(report, reference)
    _print(report, ratios)
    return int(any(bench.is_regression(ratio) for ratio in ratios.values()))


def _first(source: Source, count: int) -> Iterator[Frame]:
    for _ in range(count):
        frame = source.read()
        if frame is None:
            return
        yield frame


def _print(report: BenchReport, ratios: Mapping[str, float]) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from edge_fer.diagnostics import bench  # noqa: PLC0415

    table = Table(title="Milliseconds per frame", title_justify="left")
    for column in ("", "p50", "p95", "vs reference"):
        table.add_column(column, justify="left" if not column else "right")
    rows = {**report.stages, "total": report.total, "in the models": report.invoke, "outside them": report.outside}
    keys = {"in the models": "invoke", "outside them": "outside"}
    for name, spread in rows.items():
        ratio = ratios.get(f"{keys.get(name, name)}_p50_ms")
        change = "" if ratio is None else f"{ratio:.2f}" + (" !" if bench.is_regression(ratio) else "")
        table.add_row(name, f"{spread.p50_ms:.2f}", f"{spread.p95_ms:.2f}", change, end_section=name == "emotion")
    console, hardware = Console(), report.hardware
    temperature = "" if hardware.temperature_c is None else f", {hardware.temperature_c:.0f} °C"
    console.print(
        f"{hardware.cpu}, {hardware.cores} cores, {hardware.machine}, "
        f"governor {hardware.governor or 'unknown'}{temperature}"
    )
    console.print(table)
    console.print(
        f"{report.frames} frames, mean {report.mean_ms:.2f} ms ({1000 / report.mean_ms:.0f} frames/s), "
        f"{report.outside_share:.0%} of it outside the models; {report.faces_per_s:.0f} faces/s; "
        f"{report.rss_mb:.0f} MB resident"
    )


def _read_reference(path: Path) -> dict[str, float]:
    try:
        stored: Any = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): float(value) for name, value in stored["figures"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path}: not a readable reference", "write one with 'edge-fer bench --json FILE'") from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}", "use --json with another path") from error
