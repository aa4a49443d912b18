"""From the averaged weights to models/emotion_arch.h5 and .json: ``python -m converters.training.export``.

Blend of the heads, temperature and confidence threshold are fitted on the development split of train, never on valid.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from numpy.typing import NDArray

from converters.training import calibration, faces, network, tired
from converters.training.augment import CROP_PX
from converters.training.feed import plain_batch
from converters.training.labels import BASIC, LABELS, TIRED
from edge_fer.arguments import from_zero_to_one
from edge_fer.errors import EdgeFerError, SourceError

log = logging.getLogger(__name__)

COVERAGE = 0.85
"""The confidence threshold lets this part of the development faces be answered (docs/emotion.md, risk–coverage)."""

FALSE_TIRED = 0.01
FALSE_TIRED_DRIVERS = 0.03
"""Both about half of what the project allows (2 % of FER2013, 5 % of drivers' frames): faces and drivers differ."""
FOUND_YAWNS = 0.95
"""Of the tuning drivers' yawns; the project asks for 80 % of those of unseen drivers."""

TRAINED_ON = (
    "FER2013 train with FER+ votes, without pictures that are also in valid and without the development split, its "
    "labels mixed with the answers of networks trained on the same; yawning and not yawning drivers, by subject; 400 "
    "LFW portraits, as they are and with closed or open eyes blended in. First weights: the lower stages of dlib's "
    "face recognition ResNet (CC0). No picture is contained in the file."
)


def head_logits(trained: keras.Model, images: NDArray[np.uint8], votes_share: float) -> NDArray[np.float32]:
    """(n, 8) logits of the heads merged with `votes_share`."""
    inner = keras.Model(trained.input, trained.get_layer("mean").output)
    features = np.asarray(inner.predict(plain_batch(list(images)), batch_size=256, verbose=0), np.float32)
    kernel, bias = network.merged_heads(trained, votes_share)
    return features @ kernel + bias


def tired_bonus(logits: NDArray[np.float32], awake: NDArray[np.float32], yawning: NDArray[np.float32]) -> float:
    """What is added to tired's logit: enough to find yawns, not so much that it comes where nobody is tired.

    Yawns are 1 % of what is trained on, so the network may think them rarer than they are in front of a camera.

    Args:
        logits: (n, 8), of the development faces: FALSE_TIRED of them may become tired.
        awake: (m, 8), of drivers who do not yawn and were not trained on: FALSE_TIRED_DRIVERS of them may.
        yawning: (k, 8), of the same drivers when they yawn: FOUND_YAWNS of them should be found.
    """
    wanted = ((logits, FALSE_TIRED), (awake, FALSE_TIRED_DRIVERS), (yawning, FOUND_YAWNS))
    steps = [float(np.quantile(some[:, : len(BASIC)].max(axis=1) - some[:, TIRED], share)) for some, share in wanted]
    return round(max(min(steps), 0.0), 3)


def fitted(logits: NDArray[np.float32], dev: faces.Faces) -> dict[str, float]:
    """Temperature and confidence threshold on the development split, tired masked."""
    basic = logits[:, : len(BASIC)]
    temperature = calibration.fit_temperature(basic, dev.label7)
    curve = calibration.risk_coverage(calibration.softmax(basic / temperature), dev.label7)
    threshold, risk = curve.at_coverage(COVERAGE)
    voted = dev.majority >= 0
    best = basic.argmax(axis=1)
    return {
        "temperature": round(temperature, 4),
        "confidence": round(threshold, 3),
        "dev_risk_at_confidence": round(risk, 4),
        "dev_accuracy_label7": round(float((best == dev.label7).mean()), 4),
        "dev_accuracy_ferplus": round(float((best == dev.majority)[voted].mean()), 4),
        "dev_false_tired": round(float((logits.argmax(axis=1) == TIRED).mean()), 4),
        "dev_count": float(len(dev)),
    }


def export(
    trained: keras.Model, dev: faces.Faces, drivers: tired.Drivers, votes_share: float, target: Path
) -> dict[str, Any]:
    """Write `target` (.h5) and its sidecar beside it; returns the sidecar."""
    logits = head_logits(trained, dev.images, votes_share)
    awake, yawning = (
        head_logits(trained, drivers.crops[drivers.yawns == yawns], votes_share) for yawns in (False, True)
    )
    bonus = tired_bonus(logits, awake, yawning)
    logits[:, TIRED] += bonus
    numbers = {"tired_bonus": bonus, **fitted(logits, dev)}
    model = network.shipped(trained, votes_share, temperature=numbers["temperature"], tired_bonus=bonus)
    model.save(target, include_optimizer=False)
    crop = tired.crop_template()
    sidecar: dict[str, Any] = {
        "schema": "edge_fer.emotion_arch/1",
        "file": target.name,
        "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
        "trained_on": TRAINED_ON,
        "made_by": "python -m converters.training.emotion; python -m converters.training.export",
        "labels": LABELS,
        "input": {"shape": [-1, CROP_PX, CROP_PX, 1], "color": "gray", "range": [0, 255]},
        "output": {"kind": "probabilities", "logits_layer": "logits", "temperature": 1.0},
        "crop": crop.model_dump(),
        "votes_share": votes_share,
        "fitted_on_dev": numbers,
        "thresholds": {"confidence": numbers["confidence"]},
    }
    target.with_suffix(".json").write_text(json.dumps(sidecar, indent=2) + "\n")
    return sidecar


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m converters.training.export", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("build/emotion"), help="what training wrote")
    parser.add_argument("--detector", type=Path, default=Path("models"), help="holds the face detector")
    parser.add_argument("--stage", default="final", choices=("base", "student", "final"))
    parser.add_argument(
        "--votes-share", type=from_zero_to_one, default=0.0, help="part of the FER+ head in the merged logits"
    )
    parser.add_argument("--to", type=Path, default=Path("models/emotion_arch.h5"))
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        seen = faces.load(options.data / "fer2013" / "train.npz")
        _, dev = faces.split(seen, faces.load(options.data / "fer2013" / "valid.npz"))
        trained = network.training_model(0.0)
        network.load_weights(trained, options.out / options.stage / "averaged.weights.h5")
        _log_blends(trained, dev)
        _, tuning, _ = tired.split(tired.load(options.data, options.detector, options.out / "drivers.npz"))
        sidecar = export(trained, dev, tuning, options.votes_share, options.to)
    except OSError as error:
        sys.stderr.write(f"{error} (check --to and --out)\n")
        return SourceError.exit_code
    except EdgeFerError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    log.info("%s", json.dumps(sidecar["fitted_on_dev"], indent=2))
    return 0


def _log_blends(trained: keras.Model, dev: faces.Faces) -> None:
    """How the blend of the heads trades one set of labels for the other, on the development split."""
    for share in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0):
        numbers = fitted(head_logits(trained, dev.images, share), dev)
        log.info("votes share %.1f: %s", share, {key: value for key, value in numbers.items() if "accuracy" in key})


if __name__ == "__main__":
    sys.exit(main())
