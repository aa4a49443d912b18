"""The least that arithmetic allows: multiply-accumulates of a search, over what this machine can do in a second."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks import convolution
from edge_fer.tflite import delegate_notice
from edge_fer.tflite.model import Floats, Model

_P_NET = "mtcnn-pnet"
_PEAK_RUNS = 15


@dataclass(frozen=True, slots=True)
class Peak:
    """Multiply-accumulates per second of processor time on one thread, in one large convolution of the run time."""

    float32: float
    int8: float

    def __str__(self) -> str:
        return f"{self.float32 / 1e9:.0f} GMAC/s in float32, {self.int8 / 1e9:.0f} GMAC/s in int8"


@dataclass(slots=True)
class Work:
    """What the networks were given.

    Attributes:
        float_macs, int8_macs: Multiply-accumulates in P-Net, and in R-Net and O-Net.
        crops: Network's name → crops.
    """

    float_macs: int = 0
    int8_macs: int = 0
    crops: dict[str, int] = field(default_factory=dict)

    def floor_ms(self, peak: Peak) -> float:
        """Milliseconds that the arithmetic alone takes."""
        return (self.float_macs / peak.float32 + self.int8_macs / peak.int8) * 1e3


def p_net_macs(height_px: int, width_px: int) -> int:
    """Of P-Net on a canvas: 3×3×10, pooling, 3×3×16, 3×3×32, five 1×1 outputs. Source: Zhang et al. 2016, figure 2."""
    first = (height_px - 2) * (width_px - 2) * 9 * 3 * 10
    height, width = (-(-(side - 2) // 2) for side in (height_px, width_px))
    second = (height - 2) * (width - 2) * 9 * 10 * 16
    return first + second + (height - 4) * (width - 4) * (9 * 16 * 32 + 32 * 5)


@contextmanager
def counting() -> Iterator[Work]:
    """Count the work of all models inside the block."""
    work, call = Work(), Model.__call__

    def counted(model: Model, batch: NDArray[Any]) -> tuple[Floats, ...]:
        name = model.manifest.name
        if name == _P_NET:
            work.float_macs += len(batch) * p_net_macs(*batch.shape[1:3])
        else:
            work.int8_macs += len(batch) * model.manifest.macs
            work.crops[name] = work.crops.get(name, 0) + len(batch)
        return call(model, batch)

    with patch.object(Model, "__call__", counted):
        yield work


def peak() -> Peak:
    """Measured now; the best of some runs."""
    return Peak(float32=_convolving(int8=False), int8=_convolving(int8=True))


def _convolving(*, int8: bool) -> float:
    """Multiply-accumulates per second of processor time."""
    runtime: Any = import_module("edge_fer.tflite.model")
    with delegate_notice.suppressed():
        interpreter = runtime.Interpreter(model_content=convolution.model(int8=int8), num_threads=1)
        interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]
    interpreter.set_tensor(
        given["index"], np.ones(given["shape"], given["dtype"])
    )  # memory as it is may hold denormals
    measured_s = []
    for _ in range(_PEAK_RUNS):
        started_s = time.process_time()
        interpreter.invoke()
        measured_s.append(time.process_time() - started_s)
    return convolution.MACS / min(measured_s)
