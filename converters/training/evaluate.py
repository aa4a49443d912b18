"""Measure emotion_arch.h5, and its int8 TFLite where given: ``python -m converters.training.evaluate``.

Prints and writes (--report, JSON) accuracy, macro-F1, confusion, calibration, accuracy by face size, FER+ agreement,
tired by driver and risk–coverage on FER2013's valid split; --plots draws them.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from numpy.typing import NDArray

from converters.training import calibration, faces, measure, plots, tired
from converters.training.labels import BASIC, TIRED
from edge_fer.errors import EdgeFerError, SourceError

log = logging.getLogger(__name__)

FACE_SIZES_PX = (24, 32, 48, 80)
COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 1.0)


def basic_report(logits: NDArray[np.float32], valid: faces.Faces) -> dict[str, Any]:
    """FER2013's seven labels with tired masked, calibration, FER+, and false tired."""
    basic = logits[:, : len(BASIC)]
    probabilities, best = calibration.softmax(basic), basic.argmax(axis=1)
    voted = valid.majority >= 0
    counts = calibration.confusion(best, valid.label7, len(BASIC))
    curve = calibration.risk_coverage(probabilities, valid.label7)
    points = [(wanted, *curve.at_coverage(wanted)) for wanted in COVERAGES]
    return {
        "count": len(valid),
        "accuracy": round(float((best == valid.label7).mean()), 4),
        "macro_f1": round(calibration.macro_f1(counts), 4),
        "confusion": counts.tolist(),
        "ece": round(calibration.reliability(probabilities, valid.label7).error, 4),
        "ferplus_count": int(voted.sum()),
        "ferplus_accuracy": round(float((best == valid.majority)[voted].mean()), 4),
        "ferplus_ece": round(calibration.reliability(probabilities[voted], valid.majority[voted]).error, 4),
        "false_tired": round(float((logits.argmax(axis=1) == TIRED).mean()), 4),
        "risk_coverage": [
            {"coverage": wanted, "confidence": round(threshold, 3), "accuracy": round(1 - risk, 4)}
            for wanted, threshold, risk in points
        ],
        "risk_coverage_area": round(curve.area, 4),
    }


def tired_report(logits: NDArray[np.float32], drivers: tired.Drivers) -> dict[str, Any]:
    """Recall and false positives of tired over all eight labels, on drivers that were not trained on."""
    says = logits.argmax(axis=1) == TIRED
    by_driver = {
        str(subject): {
            "yawning": int((mine & drivers.yawns).sum()),
            "found": int((mine & drivers.yawns & says).sum()),
            "awake": int((mine & ~drivers.yawns).sum()),
            "false": int((mine & ~drivers.yawns & says).sum()),
        }
        for subject in np.unique(drivers.subject)
        for mine in [drivers.subject == subject]
    }
    return {
        "drivers": len(by_driver),
        "yawning": int(drivers.yawns.sum()),
        "awake": int((~drivers.yawns).sum()),
        "recall": round(float(says[drivers.yawns].mean()), 4),
        "false_positives": round(float(says[~drivers.yawns].mean()), 4),
        "by_driver": by_driver,
    }


def full_report(answers: measure.Answers, valid: faces.Faces, drivers: tired.Drivers | None) -> dict[str, Any]:
    """Everything about one model."""
    logits = answers(measure.crops_of(list(valid.images)))
    report = basic_report(logits, valid)
    report["accuracy_by_face_px"] = {}
    for size in FACE_SIZES_PX:
        best = answers(measure.crops_of(list(valid.images), size))[:, : len(BASIC)].argmax(axis=1)
        report["accuracy_by_face_px"][str(size)] = round(float((best == valid.label7).mean()), 4)
    if drivers is not None:
        report["tired"] = tired_report(answers(drivers.crops), drivers)
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m converters.training.evaluate", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--model", type=Path, default=Path("models/emotion_arch.h5"))
    parser.add_argument("--tflite", type=Path, help="its int8 conversion, giving logits")
    parser.add_argument("--drivers", type=Path, default=Path("build/emotion/drivers.npz"), help="made when absent")
    parser.add_argument("--detector", type=Path, default=Path("models"), help="holds the face detector")
    parser.add_argument("--report", type=Path, help="JSON to write")
    parser.add_argument("--plots", type=Path, help="folder for the PNG")
    parser.add_argument("--sidecar", type=Path, help="emotion_arch.json, gets the key figures")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        report = _measured(options)
        log.info("%s", json.dumps(report, indent=2))
        _write(report, options)
    except EdgeFerError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _write(report: dict[str, Any], options: argparse.Namespace) -> None:
    try:
        if options.report:
            options.report.write_text(json.dumps(report, indent=2) + "\n")
        if options.sidecar:
            _note_in_sidecar(report, options.sidecar)
        if options.plots:
            plots.draw_all(report, options.plots)
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot be written: {error}", "check --report, --sidecar and --plots") from error


def _note_in_sidecar(report: dict[str, Any], sidecar: Path) -> None:
    stated = json.loads(sidecar.read_text())
    keys = ("count", "accuracy", "macro_f1", "ece", "ferplus_accuracy", "false_tired", "accuracy_by_face_px")
    stated["measured_on"] = "FER2013 valid, label_match >= 0.85, tired masked; drivers: subjects not trained on"
    for kind in (kind for kind in ("float", "int8") if kind in report):
        figures = {key: report[kind][key] for key in keys}
        figures |= {f"tired_{key}": report[kind]["tired"][key] for key in ("recall", "false_positives")}
        stated[f"measured_{kind}"] = figures
    sidecar.write_text(json.dumps(stated, indent=2) + "\n")


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    valid = faces.load(options.data / "fer2013" / "valid.npz")
    try:
        options.drivers.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(str(error), "name another --drivers") from error
    drivers = tired.load(options.data, options.detector, options.drivers)
    _, _, unseen = tired.split(drivers)
    float_answers = measure.keras_answers(options.model)
    int8_answers = measure.tflite_answers(options.tflite) if options.tflite else None
    report = {"float": full_report(float_answers, valid, unseen)}
    probabilities = calibration.softmax(float_answers(measure.crops_of(list(valid.images)))[:, : len(BASIC)])
    report["curves"] = plots.curves(probabilities, valid.label7)
    if int8_answers:
        report["int8"] = full_report(int8_answers, valid, unseen)
    return report


if __name__ == "__main__":
    sys.exit(main())
