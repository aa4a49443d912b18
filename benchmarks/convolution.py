"""A .tflite file of one large convolution, written by hand: what the runtime reaches at best on this machine.

No model that ships is large enough to show it, and TensorFlow is no part of what the benchmarks need.

Source: the slots are those of TensorFlow Lite's schema.fbs, version 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE_PX, CHANNELS = 32, 256
MACS = SIDE_PX * SIDE_PX * CHANNELS * CHANNELS * 9
"""Of the 3×3 convolution, from as many channels to as many."""

_FLOAT32, _INT32, _INT8 = 0, 2, 9
_CONV_2D, _CONV_2D_OPTIONS = 3, 1
_SCALES = (1 / 128, 1 / 128, 1 / 8)
"""Of input, weights and output, in the int8 model; that of the bias is the product of the first two."""


def model(*, int8: bool) -> bytes:
    """The file, with input and output (1, SIDE_PX, SIDE_PX, CHANNELS)."""
    builder: Any = import_module("flatbuffers").Builder(4 * CHANNELS * CHANNELS * 9)
    weights = np.full((CHANNELS, 3, 3, CHANNELS), 1, np.int8 if int8 else np.float32)
    bias = np.zeros(CHANNELS, np.int32 if int8 else np.float32)
    shape, kind = (1, SIDE_PX, SIDE_PX, CHANNELS), _INT8 if int8 else _FLOAT32
    x, w, y = ((scale,) if int8 else () for scale in _SCALES)
    tensors = [
        _tensor(builder, shape, kind, 0, x),
        _tensor(builder, weights.shape, kind, 1, w * CHANNELS),
        _tensor(builder, bias.shape, _INT32 if int8 else _FLOAT32, 2, (_SCALES[0] * _SCALES[1],) * CHANNELS * int8),
        _tensor(builder, shape, kind, 0, y),
    ]
    options = _table(builder, {1: ("Int32", 1), 2: ("Int32", 1)})
    operator = _table(
        builder,
        {
            1: ("UOffsetTRelative", builder.CreateNumpyVector(np.array((0, 1, 2), np.int32))),
            2: ("UOffsetTRelative", builder.CreateNumpyVector(np.array((3,), np.int32))),
            3: ("Uint8", _CONV_2D_OPTIONS),
            4: ("UOffsetTRelative", options),
        },
    )
    subgraph = _table(
        builder,
        {
            0: ("UOffsetTRelative", _vector(builder, tensors)),
            1: ("UOffsetTRelative", builder.CreateNumpyVector(np.array((0,), np.int32))),
            2: ("UOffsetTRelative", builder.CreateNumpyVector(np.array((3,), np.int32))),
            3: ("UOffsetTRelative", _vector(builder, [operator])),
        },
    )
    version = 3 if int8 else 1
    code = _table(builder, {0: ("Int8", _CONV_2D), 2: ("Int32", version), 3: ("Int32", _CONV_2D)})
    buffers = [_buffer(builder, values) for values in (None, weights, bias)]
    root = _table(
        builder,
        {
            0: ("Uint32", 3),
            1: ("UOffsetTRelative", _vector(builder, [code])),
            2: ("UOffsetTRelative", _vector(builder, [subgraph])),
            4: ("UOffsetTRelative", _vector(builder, buffers)),
        },
    )
    builder.Finish(root, file_identifier=b"TFL3")
    return bytes(builder.Output())


def _table(builder: Any, slots: dict[int, tuple[str, int]]) -> int:
    """A table with these slots: number → type and value, which is never the slot's default."""
    builder.StartObject(max(slots, default=0) + 1)
    for slot, (kind, value) in slots.items():
        getattr(builder, f"Prepend{kind}Slot")(slot, value, 0)
    return int(builder.EndObject())


def _vector(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _tensor(builder: Any, shape: Sequence[int], kind: int, buffer: int, scales: Sequence[float]) -> int:
    """A tensor, quantized symmetrically where it has scales, per channel where it has several."""
    slots = {
        0: ("UOffsetTRelative", int(builder.CreateNumpyVector(np.array(shape, np.int32)))),
        1: ("Int8", kind),
        2: ("Uint32", buffer),
    }
    if scales:
        scale = builder.CreateNumpyVector(np.array(scales, np.float32))
        zero_point = builder.CreateNumpyVector(np.zeros(len(scales), np.int64))
        quantization = _table(builder, {2: ("UOffsetTRelative", scale), 3: ("UOffsetTRelative", zero_point)})
        slots[4] = ("UOffsetTRelative", quantization)
    return _table(builder, slots)


def _buffer(builder: Any, values: NDArray[Any] | None) -> int:
    if values is None:
        return _table(builder, {})
    flat = np.frombuffer(values.tobytes(), np.uint8)
    builder.Prep(16, flat.size)  # the runtime wants constants aligned
    return _table(builder, {0: ("UOffsetTRelative", int(builder.CreateNumpyVector(flat)))})
