"""Two models timed side by side: ratios of one run travel, times do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_fer.tflite.model import Model

_FREE_SIDE_PX = 96


def medians_ms(paths: tuple[Path, ...], rounds: int = 30) -> tuple[float, ...]:
    """Median time inside each model for one input of noise, one thread, interleaved."""
    models = [Model(path) for path in paths]
    draw = np.random.default_rng(0)
    inputs = [_noise(model, draw) for model in models]
    times: list[list[float]] = [[] for _ in models]
    for turn in range(rounds + 3):
        for model, pixels, found in zip(models, inputs, times, strict=True):
            before_s = model.invoke_s
            model(pixels)
            if turn >= 3:  # the first calls warm the caches
                found.append(model.invoke_s - before_s)
    return tuple(1e3 * float(np.median(found)) for found in times)


def _noise(model: Model, draw: np.random.Generator) -> NDArray[np.float32]:
    batch, *sides = model.manifest.input.shape
    shape = (max(batch, 1), *(side if side > 0 else _FREE_SIDE_PX for side in sides))
    return draw.integers(0, 256, shape).astype(np.float32)
