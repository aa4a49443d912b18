"""The shipped models on the runtime that is installed here, as numbers that another runtime can be compared with.

    python -m converters.compatibility --models models --record answers.npz      # in one environment
    python -m converters.compatibility --models models --compare answers.npz     # in another

Needs edge_fer's run time dependencies only: ai-edge-litert, or tflite-runtime with numpy < 2.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converters.calibration import shipped_pictures
from converters.verification import unit
from edge_fer.config.schema import DetectorConfig
from edge_fer.domain.faces import Detection
from edge_fer.domain.geometry import Landmarks
from edge_fer.tflite.model import Model
from edge_fer.vision.alignment import align, model_input
from edge_fer.vision.mtcnn import Mtcnn

Answers = dict[str, NDArray[np.float32]]

PICTURES = 24

LEAST_COSINE = {"identity": 0.998, "emotion": 0.995}
"""8-bit kernels round differently from version to version. Measured between ai-edge-litert 2.3.0 and tflite-runtime
2.14.0 on x86-64, on the same crops: worst 0.9992 (identity) and 0.9973 (emotion's logits, all labels the same)."""

MOST_SHIFT = 0.1
"""Of the eyes' distance, for landmarks of the same picture: 2 px in a face of 50 px. Measured: 0.012, once 0.052."""


def main(argv: Sequence[str] | None = None) -> int:
    """Record or compare; exit code 1 where two runtimes disagree."""
    parser = argparse.ArgumentParser(description="Do two runtimes give the same answers on the shipped models?")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of the models (default: models)")
    parser.add_argument("--record", type=Path, help="write this runtime's answers")
    parser.add_argument("--compare", type=Path, help="compare with answers of another runtime")
    args = parser.parse_args(argv)
    recorded = _recorded(args.compare) if args.compare else None
    found = answers(args.models, recorded)
    if args.record:
        np.savez(args.record, **found)  # type: ignore[arg-type]
    if recorded is not None:
        problems = differences(recorded, found)
        print("\n".join(problems) or f"the same answers on {PICTURES} pictures")  # noqa: T201
        return int(bool(problems))
    return 0


def answers(models: Path, recorded: Answers | None = None) -> Answers:
    """Landmarks of the largest face of each picture (n, 5, 2), and each face model's outputs (n, d).

    Args:
        recorded: Cut the faces out at these landmarks, so that one model's difference is not another's.
    """
    pictures = [rgb for _, rgb in islice(shipped_pictures(), PICTURES)]
    landmarks = np.stack([_largest(faces) for faces in map(Mtcnn(models, DetectorConfig()).detect, pictures)])
    found = {"landmarks": landmarks}
    places = landmarks if recorded is None else recorded["landmarks"]
    for name in LEAST_COSINE:
        model = Model(models / f"{name}.tflite")
        crop, contract = model.manifest.crop, model.manifest.input
        assert crop is not None  # both take faces
        chips = [align(rgb, Landmarks.from_array(place), crop) for rgb, place in zip(pictures, places, strict=True)]
        found[name] = np.stack([model(model_input(chip, contract))[0].reshape(-1) for chip in chips])
    return found


def _largest(faces: tuple[Detection, ...]) -> NDArray[np.float32]:
    """(5, 2) landmarks; zeros where there is no face."""
    if not faces:
        return np.zeros((5, 2), np.float32)
    return max(faces, key=lambda face: face.box.width * face.box.height).landmarks.array()


def _recorded(path: Path) -> Answers:
    with np.load(path) as stored:
        return dict(stored)


def differences(first: Answers, second: Answers) -> list[str]:
    """What is further apart than the tolerances; empty where all is well."""
    a, b = first["landmarks"], second["landmarks"]
    eyes = np.maximum(np.linalg.norm(a[:, 1] - a[:, 0], axis=1), 1)
    shift = float((np.linalg.norm(a - b, axis=2).max(axis=1) / eyes).max())
    problems = [f"landmarks: {shift:.3f} of the eyes' distance apart, at most {MOST_SHIFT:g} expected"]
    found = problems if shift > MOST_SHIFT else []
    for name, least in LEAST_COSINE.items():
        cosine = float((unit(first[name]) * unit(second[name])).sum(axis=1).min())
        if cosine < least:
            found.append(f"{name}: cosine {cosine:.5f}, at least {least:g} expected")
    return found


if __name__ == "__main__":
    sys.exit(main())
