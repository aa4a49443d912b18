"""Does the converted model still do what the original does? Figures, limits, and where each limit is from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from converters.verification import unit
from edge_fer.domain.faces import Detection
from edge_fer.errors import ConversionError
from edge_fer.vision import boxes as geometry

Floats = NDArray[np.float32]

AIMS = "stated with the project's aims"


@dataclass(frozen=True)
class Check:
    """One figure against its limit.

    Attributes:
        sense: "min": the value must be at least `limit`; "max": at most.
        source: Why the limit is what it is.
    """

    name: str
    value: float
    sense: Literal["min", "max"]
    limit: float
    source: str

    @property
    def passed(self) -> bool:
        """False for a value that is not a number, too."""
        return self.value >= self.limit if self.sense == "min" else self.value <= self.limit

    def __str__(self) -> str:
        relation = "≥" if self.sense == "min" else "≤"
        return f"{self.name} {self.value:.4f} (needs {relation} {self.limit:g})"


class GateError(ConversionError):
    """The parity gate refused; the figures are in the message and in `checks`."""

    def __init__(self, message: str, hint: str, checks: tuple[Check, ...]) -> None:
        super().__init__(message, hint)
        self.checks = checks


def embeddings(original: Floats, converted: Floats, worst: float) -> tuple[Check, ...]:
    """Cosine of each converted embedding with its original.

    Args:
        original, converted: (n, d) of the same faces.
        worst: Limit at the first percentile; the mean may lose half of that.
    """
    cosines = (unit(original) * unit(converted)).sum(axis=1)
    source = "strangers and friends of the light model lie 0.12 apart; quantization may not use up a tenth"
    return (
        Check("cosine_mean", float(cosines.mean()), "min", 1 - (1 - worst) / 2, source),
        Check("cosine_p1", float(np.percentile(cosines, 1)), "min", worst, source),
    )


def accuracy_change(original: float, converted: float, most_points: float) -> Check:
    """Loss of accuracy, in points of a hundred."""
    return Check("accuracy_loss_points", 100 * (original - converted), "max", most_points, AIMS)


LABEL_AGREEMENT = 0.98
"""Share of the labels that must stay the same. Stated with the project's aims."""


def labels(original: Floats, converted: Floats) -> Check:
    """Share of the inputs on which both name the same class, from (n, classes) each.

    A true agreement of LABEL_AGREEMENT shows less than that on every other small sample: the limit leaves room for what
    chance does in nineteen of twenty. On 100 faces that is 0.957, on 3,500 pictures 0.976.
    """
    count = len(original)
    agreement = float((original.argmax(axis=1) == converted.argmax(axis=1)).mean())
    room = _ONE_SIDED_95 * (LABEL_AGREEMENT * (1 - LABEL_AGREEMENT) / count) ** 0.5
    source = f"{LABEL_AGREEMENT:g} ({AIMS}), less chance on {count} inputs"
    return Check("label_agreement", agreement, "min", round(LABEL_AGREEMENT - room, 4), source)


_ONE_SIDED_95 = 1.645


@dataclass(frozen=True)
class Jitter:
    """How far two lists of faces in the same pictures are apart.

    Attributes:
        found: Share of the first list's faces with one of the second at IoU 0.5.
        tight: Share of the found ones at IoU 0.9.
        steady: Share of the found ones' landmarks within 2 px.
        count: Faces in the first list.
        extra: Faces of the second list that are in no face of the first.
    """

    found: float
    tight: float
    steady: float
    count: int
    extra: int


def jitter(first: Sequence[Sequence[Detection]], second: Sequence[Sequence[Detection]]) -> Jitter:
    """Compare faces picture by picture."""
    overlaps: list[float] = []
    distances: list[NDArray[np.float32]] = []
    extra = 0
    for these, those in zip(first, second, strict=True):
        table = geometry.iou_matrix(_boxes(these), _boxes(those))
        overlaps += [float(row.max(initial=0)) for row in table]
        extra += int((table.max(axis=0, initial=0) < 0.5).sum())
        for row, face in zip(table, these, strict=True):
            if row.max(initial=0) >= 0.5:
                moved = those[int(row.argmax())].landmarks.array() - face.landmarks.array()
                distances.append(np.linalg.norm(moved, axis=1))
    found = np.array(overlaps, np.float32)
    hits = found[found >= 0.5]
    points = np.concatenate(distances) if distances else np.zeros(0)
    return Jitter(_share(found >= 0.5), _share(hits >= 0.9), _share(points <= 2), len(found), extra)


def detector(quantized: Jitter, shifted: Jitter, least_found: float = 0.995) -> tuple[Check, ...]:
    """The same faces, and no more jitter than a camera that is moved by one pixel.

    Args:
        quantized: Float cascade against converted cascade.
        shifted: Float cascade against itself on pictures moved by one pixel.
    """
    source = "a shift of the input by one pixel, measured in the same run"
    return (
        Check("found_at_iou_0.5", quantized.found, "min", least_found, AIMS),
        Check("boxes_at_iou_0.9", quantized.tight, "min", shifted.tight, source),
        Check("landmarks_within_2px", quantized.steady, "min", shifted.steady, source),
    )


def _boxes(faces: Sequence[Detection]) -> NDArray[np.float32]:
    return np.array([face.box.xyxy() for face in faces], np.float32).reshape(-1, 4)


def _share(which: NDArray[np.bool_]) -> float:
    return float(which.mean()) if len(which) else 0.0
