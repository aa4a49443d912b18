"""Weight lists: arrays in a known order, checked against the shapes that a network needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_fer.errors import SourceError
from edge_fer.tflite.manifest import Source

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class WeightList:
    """Arrays of one network and where they are from."""

    arrays: tuple[Floats, ...]
    source: Source


def check_shapes(arrays: tuple[Floats, ...], expected: tuple[tuple[int, ...], ...], path: Path, hint: str) -> None:
    """Refuse arrays that are not those of the network.

    Raises:
        SourceError: Number or shapes differ; the message names the first difference.
    """
    if len(arrays) != len(expected):
        raise SourceError(f"{path}: {len(arrays)} arrays, expected {len(expected)}", hint)
    for index, (array, shape) in enumerate(zip(arrays, expected, strict=True)):
        if array.shape != shape:
            raise SourceError(f"{path}: array {index} has shape {array.shape}, expected {shape}", hint)
        if not np.isfinite(array).all():
            raise SourceError(f"{path}: array {index} holds numbers that are not finite", hint)
