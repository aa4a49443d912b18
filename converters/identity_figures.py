"""How well an embedding tells people apart, and the thresholds that follow: for gates, manifests and reports."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from converters import verification
from converters.lfw import LabeledFaces
from converters.verification import unit

Floats = NDArray[np.float32]

PHOTOS_PER_TEMPLATE = 3
"""How many photos a "mean" threshold stands for."""


@dataclass(frozen=True)
class Figures:
    """Measured on one set of labeled faces.

    Attributes:
        quality: accuracy_single, accuracy_flip (by folds), tar_fmr_1e-3_single, … _flip, … _mean (true accept rate
            at a false match rate, over all pairs of photos; "mean" against means of three photos).
        thresholds: Cosines: fmr_1e-3_single, fmr_1e-3_mean, fmr_1e-4_single, fmr_1e-4_mean, best_accuracy_single.
    """

    quality: dict[str, float]
    thresholds: dict[str, float]


def measure(single: Floats, mirrored: Floats, faces: LabeledFaces) -> Figures:
    """All figures.

    Args:
        single: (n, d) raw embeddings in the order of `faces.names`.
        mirrored: Those of the mirror images.
    """
    quality: dict[str, float] = {}
    thresholds: dict[str, float] = {}
    subjects = faces.subjects()
    for name, vectors in (("single", unit(single)), ("flip", unit(unit(single) + unit(mirrored)))):
        quality[f"accuracy_{name}"] = accuracy(vectors, faces)
        friends, strangers = verification.cross_scores(vectors, subjects)
        _operating_points(name, friends, strangers, quality, thresholds)
    friends, strangers = verification.enrolled_scores(unit(single), subjects, PHOTOS_PER_TEMPLATE)
    _operating_points("mean", friends, strangers, quality, thresholds)
    a, b, same, _ = faces.rows()
    vectors = unit(single)
    thresholds["best_accuracy_single"] = verification.best_threshold((vectors[a] * vectors[b]).sum(axis=1), same)
    rounded = {name: round(value, 4) for name, value in thresholds.items() if not name.endswith("flip")}
    return Figures({name: round(value, 4) for name, value in quality.items()}, rounded)


def accuracy(vectors: Floats, faces: LabeledFaces) -> float:
    """Mean over the folds; `vectors` (n, d) have length 1."""
    a, b, same, fold = faces.rows()
    return verification.fold_accuracy((vectors[a] * vectors[b]).sum(axis=1), same, fold)


def _operating_points(
    name: str, friends: Floats, strangers: Floats, quality: dict[str, float], thresholds: dict[str, float]
) -> None:
    for rate in (1e-3, 1e-4):
        if len(strangers) * rate < 10:  # fewer errors than that measure no rate
            continue
        label = f"fmr_{rate:.0e}".replace("e-0", "e-")
        threshold = verification.threshold_at(strangers, rate)
        thresholds[f"{label}_{name}"] = threshold
        quality[f"tar_{label}_{name}"] = float((friends >= threshold).mean())
