"""Two converted models of one task on the same faces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converters.calibration import Face
from converters.verification import unit
from edge_fer.errors import ModelError
from edge_fer.tflite.model import Model


@dataclass(frozen=True)
class Comparison:
    """What was found.

    Attributes:
        sides: Name → what the first and the second model say of themselves.
        agreement: Figures of both on the same faces.
    """

    faces: int
    sides: dict[str, tuple[str, str]]
    agreement: dict[str, float]


def compare(first: Path, second: Path, faces: Sequence[Face]) -> Comparison:
    """Run both on aligned faces.

    Raises:
        ModelError: They are not of one task, or of one that takes no faces.
    """
    models = Model(first), Model(second)
    tasks = {model.manifest.task for model in models}
    if len(tasks) > 1 or any(model.manifest.crop is None for model in models):
        raise ModelError(
            f"{first.name} and {second.name} are of the tasks {' and '.join(sorted(tasks))}, and must take faces",
            "compare two identity or two emotion models",
        )
    answers = [_answers(model, faces) for model in models]
    sides = {
        "name": _both(models, lambda model: model.manifest.name),
        "numbers": _both(models, lambda model: model.manifest.quantization.scheme),
        "kB": _both(models, lambda model: f"{model.manifest.size_bytes / 1e3:,.0f}"),
        "MMAC": _both(models, lambda model: f"{model.manifest.macs / 1e6:,.1f}"),
    }
    return Comparison(len(faces), sides, _agreement(tasks.pop(), *answers))


def _both(models: tuple[Model, Model], of: Callable[[Model], str]) -> tuple[str, str]:
    return of(models[0]), of(models[1])


def _answers(model: Model, faces: Sequence[Face]) -> NDArray[np.float32]:
    crop, contract = model.manifest.crop, model.manifest.input
    assert crop is not None  # compare() has looked
    return np.stack([model(face.input(crop, contract))[0].reshape(-1) for face in faces])


def _agreement(task: str, first: NDArray[np.float32], second: NDArray[np.float32]) -> dict[str, float]:
    """Label agreement of classifiers; of embeddings, how alike their similarities are, and cosines if of one length."""
    if task == "emotion":
        return {"label agreement": float((first.argmax(axis=1) == second.argmax(axis=1)).mean())}
    first, second = unit(first), unit(second)
    upper = np.triu_indices(len(first), 1)
    similar = np.corrcoef((first @ first.T)[upper], (second @ second.T)[upper])[0, 1]
    figures = {"correlation of similarities": float(similar)}
    if first.shape == second.shape:
        cosines = (first * second).sum(axis=1)
        figures |= {"cosine mean": float(cosines.mean()), "cosine worst": float(cosines.min())}
    return figures
