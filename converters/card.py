"""Model cards and the table in models/README.md, written from manifests alone."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from edge_fer.tflite.manifest import Manifest

BEGIN, END = "<!-- table: written by edge-fer-convert -->", "<!-- end of table -->"

_TASK_ORDER = ("detector", "identity", "emotion", "face-classifier")


def write(manifest: Manifest, path: Path) -> None:
    """Write the card of one model (Markdown)."""
    path.write_text(text(manifest), encoding="utf-8")


def text(manifest: Manifest) -> str:
    """The card: what it is, what goes in and out, how well it does, and where it is from."""
    source, quantization = manifest.source, manifest.quantization
    calibrated = f", calibrated on {quantization.calibration_count} inputs ({quantization.calibration_data})"
    rows = [
        ("Task", manifest.task),
        ("File", f"`{manifest.file}`, {manifest.size_bytes:,} bytes, sha256 `{manifest.sha256}`"),
        ("Numbers", quantization.scheme + (calibrated if quantization.calibration_count else "")),
        ("Multiply-accumulates", f"{manifest.macs:,}" if manifest.macs else "depends on the input's size"),
        ("Input", _input(manifest)),
        ("Output", _output(manifest)),
        ("Thresholds", _figures(manifest.thresholds)),
        ("Weights", f"{source.name}, {source.origin}, `{source.file}`, sha256 `{source.sha256}`"),
        ("License of the weights", source.license),
        ("Made by", f"`{manifest.made_by}` ({manifest.converter})"),
        ("Against the float original", _figures(manifest.parity)),
        ("On labeled data", _figures(manifest.quality)),
    ]
    lines = [f"# {manifest.name}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in rows if value]
    lines += ["", *(f"- {note}" for note in manifest.notes), ""]
    return "\n".join(lines)


def write_table(folder: Path) -> None:
    """Write the table between the two marks of README.md in `folder` again; nothing where there is no such file."""
    readme = folder / "README.md"
    if not readme.is_file():
        return
    old = readme.read_text(encoding="utf-8")
    if BEGIN not in old or END not in old:
        return
    before, rest = old.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    readme.write_text(f"{before}{BEGIN}\n{table(folder)}{END}{after}", encoding="utf-8")


def table(folder: Path) -> str:
    """One line per model in `folder` (Markdown)."""
    found = [manifest for manifest in map(_manifest, sorted(folder.glob("*.json"))) if manifest is not None]
    found.sort(key=lambda manifest: (_TASK_ORDER.index(manifest.task), manifest.macs, manifest.file))
    lines = [
        "| file | task | weights, license | numbers | kB | MMAC | against float |",
        "|---|---|---|---|---|---|---|",
    ]
    for manifest in found:
        macs = f"{manifest.macs / 1e6:.1f}" if manifest.macs else "–"
        lines.append(
            f"| [{manifest.file}]({Path(manifest.file).stem}.md) | {manifest.task} "
            f"| {manifest.source.name}, {manifest.source.license} | {manifest.quantization.scheme} "
            f"| {manifest.size_bytes / 1e3:.0f} | {macs} | {_figures(manifest.parity)} |"
        )
    return "\n".join(lines) + "\n"


def _manifest(path: Path) -> Manifest | None:
    """The manifest in a .json file, or None where it holds something else."""
    try:
        return Manifest.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (ValidationError, ValueError):
        return None


def _input(manifest: Manifest) -> str:
    contract = manifest.input
    sides = " × ".join("any" if side < 0 else str(side) for side in contract.shape)
    numbers = (
        f", (v − {list(contract.mean)}) / {list(contract.std)}" if contract.mean or contract.std else ", raw 0–255"
    )
    landmarks = (
        ", five landmarks on " + ", ".join(f"({x:g}, {y:g})" for x, y in manifest.crop.landmarks)
        if manifest.crop
        else ""
    )
    return f"{sides} {contract.color}{numbers}{landmarks}"


def _output(manifest: Manifest) -> str:
    output = manifest.output
    labels = f": {', '.join(output.labels)}" if output.labels else ""
    temperature = f", temperature {output.temperature:g}" if output.temperature != 1 else ""
    return f"{output.kind}{labels}{temperature}"


def _figures(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.6g}" for name, value in figures.items())
