"""The one way from a Keras network to a shipped model, the same for every source.

calibrate → convert → ask the delegate → parity gate → manifest and card → put in place. Whatever fails on the way
leaves the destination as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import edge_fer
from converters import card, graph, tflite
from converters.graph import Coverage
from converters.network import Network
from converters.parity import Check, GateError
from converters.staging import staged
from converters.trials import Trial, Verdict
from edge_fer.errors import ModelError
from edge_fer.tflite import manifest as manifests
from edge_fer.tflite.manifest import Manifest, Quantization

CONVERTER = f"edge-fer-convert {edge_fer.__version__}"
QUALITY_NOTE = "quality: "
"""How a note begins that tells on what the quality was measured."""


@dataclass(frozen=True)
class Converted:
    """One model that was put in place."""

    manifest: Manifest
    coverage: Coverage


@dataclass(frozen=True)
class Report:
    """What a conversion did.

    Attributes:
        models: In the order of the networks.
        checks: The parity gate's, over all of them.
        calibration_count: Faces that calibrated, 0 where nothing needs it.
        probe_count: Faces or pictures that were compared.
    """

    models: tuple[Converted, ...]
    checks: tuple[Check, ...]
    calibration_count: int
    probe_count: int


def convert(
    networks: Sequence[Network], trial: Trial, out: Path, *, made_by: str, allow_partial: bool = False
) -> Report:
    """Convert networks that are judged together.

    Args:
        out: Folder of the models.
        made_by: The command, for the manifest.
        allow_partial: Accept a model of which the delegate takes only parts.

    Raises:
        ConversionError: The converter, the run time or the disk refused.
        GateError: The converted model does not behave like the original.
    """
    with staged(out) as folder:
        models = [_convert_one(network, trial, folder, made_by, allow_partial) for network in networks]
        verdict = trial.verdict(networks, folder)
        _require(verdict.checks, networks)
        before = _same_before(models, out)
        finished = [
            _judged(model, verdict, trial.probe_count, folder, before.get(model.manifest.file)) for model in models
        ]
    card.write_table(out)
    calibrated = max(model.manifest.quantization.calibration_count for model in finished)
    return Report(tuple(finished), verdict.checks, calibrated, trial.probe_count)


def _convert_one(network: Network, trial: Trial, folder: Path, made_by: str, allow_partial: bool) -> Converted:
    samples = trial.samples(network) if network.scheme == "int8" and network.ready is None else ()
    content = tflite.convert(network, samples)
    path = folder / f"{network.stem}.tflite"
    path.write_bytes(content)
    found = graph.coverage(path)
    if not allow_partial:
        graph.require_whole(path.name, found)
    manifest = Manifest(
        name=network.name,
        task=network.task,
        file=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        source=network.source,
        input=network.input,
        crop=network.crop,
        output=network.output,
        embedder=network.embedder,
        thresholds=network.thresholds,
        quantization=Quantization(
            scheme=network.scheme,
            calibration_count=len(samples),
            calibration_data=trial.origin if len(samples) else "",
        ),
        macs=0 if -1 in network.input.shape[1:] else found.macs,
        converter=CONVERTER,
        made_by=made_by,
        notes=network.notes,
    )
    manifests.write(manifest, path)
    return Converted(manifest, found)


def _require(checks: tuple[Check, ...], networks: Sequence[Network]) -> None:
    failed = [check for check in checks if not check.passed]
    if failed:
        stems = ", ".join(f"{network.stem} ({network.scheme})" for network in networks)
        raise GateError(
            f"{stems}: the converted model does not behave like the original: {'; '.join(map(str, failed))}",
            "nothing was changed; try --scheme dynamic or float32, or more and more varied --photos",
            checks,
        )


def _same_before(models: Sequence[Converted], out: Path) -> dict[str, Manifest]:
    """The manifests in `out` by file, if every model there is byte for byte one of `models`; otherwise none."""
    try:
        there = {model.manifest.file: manifests.load(out / model.manifest.file) for model in models}
    except ModelError:
        return {}
    same = all(there[model.manifest.file].sha256 == model.manifest.sha256 for model in models)
    return there if same else {}


def _judged(model: Converted, verdict: Verdict, count: int, folder: Path, before: Manifest | None) -> Converted:
    """The model with the trial's figures in its manifest, and its card written.

    What was measured on the same bytes `before`, by converters.evaluate for instance, stays where the trial measures
    no quality itself.
    """
    manifest = model.manifest
    kept = before if before and not verdict.quality else None
    measured = tuple(old for old in kept.notes if old.startswith(QUALITY_NOTE)) if kept else ()
    note = f"parity: converted against float on {count} inputs that did not calibrate"
    manifest = manifest.model_copy(
        update={
            "parity": {check.name: round(check.value, 6) for check in verdict.checks},
            "quality": kept.quality if kept else verdict.quality,
            "thresholds": manifest.thresholds | verdict.thresholds,
            "notes": (*manifest.notes, note, *verdict.notes, *measured),
        }
    )
    path = folder / manifest.file
    manifests.write(manifest, path)
    card.write(manifest, path.with_suffix(".md"))
    return Converted(manifest, model.coverage)
