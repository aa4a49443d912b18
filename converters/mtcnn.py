"""MTCNN's three networks from the weights in the PyPI package ``mtcnn``, rewritten exactly for the run time.

Five rewrites, none of which changes a result beyond rounding:

- (v − 127.5) / 128 is folded into the first convolution, so that raw 0–255 goes in. Exact: that layer has no padding.
- flatten + dense becomes a convolution over the whole map, so that nothing in the graph depends on the batch size. The
  package flattens in the order x, y, channel: the kernel is permuted.
- the softmax of two numbers becomes the one number it depends on, their difference (face − no face).
- all heads become one convolution with one output.
- P-Net's first PReLU goes behind the pooling (`rewrites.late_prelu`): on the full map, which is the whole pyramid, it
  costs a fifth of the network's time. R-Net and O-Net keep theirs: in 8-bit weights the rewrite would not be exact.

Source: Zhang et al. 2016; weights and layers of ``mtcnn`` 1.0.0 (MIT).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from converters import rewrites
from converters.network import Network, Scheme
from converters.weights import WeightList
from edge_fer.tflite.manifest import Input, Output

Floats = NDArray[np.float32]

MEAN, STD = 127.5, 128.0

PLACEHOLDER_PX = 24
"""Size that P-Net's file is made for, before anybody resizes it. One window (12 px) is too small: TensorFlow takes
advantage of a 1×1 output and writes a graph that cannot be resized."""

SCHEMES: dict[str, Scheme] = {"pnet": "float32", "rnet": "dynamic", "onet": "dynamic"}
"""Measured (docs/converters.md): loses no face, is the fastest, and moves box and landmarks least."""

_HEADS = "one output: face − no-face logit difference, then dx1, dy1, dx2, dy2 as fractions of the window's sides"
_NOTES = {
    "pnet": (_HEADS + "; fully convolutional: window 12 px, stride 2 px",),
    "rnet": (_HEADS,),
    "onet": (
        _HEADS + ", then x1…x5, y1…y5 of left_eye, right_eye, nose, mouth_left, mouth_right (image side) "
        "as fractions of the window",
    ),
}


@dataclass(frozen=True)
class Stage:
    """Layout of one network: sizes of its convolutions, its poolings, and the order of its heads.

    Attributes:
        side_px: Input side; None for any.
        convolutions: (kernel, channels) of each convolution.
        poolings: (size, padding) of the max pooling of stride 2 after each convolution; None for no pooling.
        dense: Units of the fully connected layer before the heads, or 0.
        map_side: Side of the map that is flattened.
        heads: Outputs of each head in the order in which the weights stand; the last one is (no face, face).
        late_prelu: The first PReLU goes behind its pooling.
    """

    side_px: int | None
    convolutions: tuple[tuple[int, int], ...]
    poolings: tuple[tuple[int, str] | None, ...]
    dense: int
    map_side: int
    heads: tuple[int, ...]
    late_prelu: bool = False

    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the package's weight list, in order."""
        found: list[tuple[int, ...]] = []
        channels = 3
        for kernel, out in self.convolutions:
            found += [(kernel, kernel, channels, out), (out,), (1, 1, out)]
            channels = out
        if self.dense:
            found += [(self.map_side**2 * channels, self.dense), (self.dense,), (self.dense,)]
            channels = self.dense
        for out in self.heads:
            found += [(channels, out) if self.dense else (1, 1, channels, out), (out,)]
        return tuple(found)


STAGES = {
    "pnet": Stage(None, ((3, 10), (3, 16), (3, 32)), ((2, "same"), None, None), 0, 1, (4, 2), late_prelu=True),
    "rnet": Stage(24, ((3, 28), (3, 48), (2, 64)), ((3, "same"), (3, "valid"), None), 128, 3, (4, 2)),
    "onet": Stage(
        48,
        ((3, 32), (3, 64), (3, 64), (2, 128)),
        ((3, "same"), (3, "valid"), (2, "same"), None),
        256,
        3,
        (4, 10, 2),
    ),
}


def networks(weights: dict[str, WeightList], schemes: dict[str, Scheme] | None = None) -> tuple[Network, ...]:
    """The three networks, ready to be converted.

    Args:
        weights: Of "pnet", "rnet" and "onet", in the layout of the package.
        schemes: Instead of SCHEMES.
    """
    return tuple(
        Network(
            name=f"mtcnn-{stem}",
            stem=stem,
            task="detector",
            keras=rebuilt(stage, weights[stem].arrays, stem, split=(schemes or SCHEMES)[stem] == "int8"),
            scheme=(schemes or SCHEMES)[stem],
            source=weights[stem].source,
            input=_input(stage),
            output=Output(kind="mtcnn"),
            fixed_batch=1 if stage.side_px is None else None,
            smallest_side_px=PLACEHOLDER_PX,
            notes=_NOTES[stem],
        )
        for stem, stage in STAGES.items()
    )


def rebuilt(stage: Stage, weights: Sequence[Floats], name: str, *, split: bool = False) -> keras.Model:
    """(n, side, side, 3) RGB 0–255 → (n, h, w, outputs), h = w = 1 but for P-Net.

    Args:
        weights: As `Stage.shapes` says.
        split: Write every PReLU in a form that the delegate takes in 8 bits (`rewrites`).
    """
    prelu = _split_prelu if split else _prelu
    left = list(weights)
    pixels = layers.Input((stage.side_px, stage.side_px, 3), name="rgb")
    x: Any = pixels
    for index, pooling in enumerate(stage.poolings):
        kernel, bias, slope = left[:3]
        del left[:3]
        if index == 0:
            kernel, bias = on_raw_pixels(kernel, bias)
        if index == 0 and stage.late_prelu and not split:
            late = rewrites.late_prelu(kernel, bias, slope.reshape(-1))
            x = _late_prelu(x, late, pooling)
            left[0] = left[0] * late.sign[:, None]
        else:
            x = _pooled(prelu(_conv(x, kernel, bias, f"conv{index + 1}"), slope, f"prelu{index + 1}"), pooling, index)
    if stage.dense:
        kernel, bias, slope = left[:3]
        del left[:3]
        x = prelu(_conv(x, unflattened(kernel, stage.map_side), bias, "dense"), slope.reshape(1, 1, -1), "prelu_dense")
    kernel, bias = merged_heads(left)
    return keras.Model(pixels, _conv(x, kernel, bias, "heads"), name=name)


def on_raw_pixels(kernel: Floats, bias: Floats) -> tuple[Floats, Floats]:
    """The same convolution on v instead of (v − 127.5) / 128."""
    double = kernel.astype(np.float64)
    folded = bias - (double * (MEAN / STD)).sum(axis=(0, 1, 2))
    return (double / STD).astype(np.float32), folded.astype(np.float32)


def unflattened(kernel: Floats, side: int) -> Floats:
    """(side · side · channels, units), flattened x first → convolution kernel (y, x, channels, units)."""
    return np.asarray(kernel.reshape(side, side, -1, kernel.shape[1]).transpose(1, 0, 2, 3), np.float32)


def merged_heads(parts: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Kernel and bias of all heads; `parts` are kernel, bias, kernel, bias …, the last pair being (no face, face)."""
    kernels = [part.reshape(-1, part.shape[-1]) for part in parts[0::2]]
    biases = list(parts[1::2])
    face = kernels.pop() @ np.array(((-1.0,), (1.0,)), np.float32), np.diff(biases.pop())
    kernel = np.concatenate((face[0], *kernels), axis=1)
    return kernel[None, None], np.concatenate((face[1], *biases))


def _input(stage: Stage) -> Input:
    side = stage.side_px or -1
    return Input(shape=(1 if stage.side_px is None else -1, side, side, 3), color="rgb")


def _conv(x: Any, kernel: Floats, bias: Floats, name: str) -> Any:
    layer = layers.Conv2D(kernel.shape[3], kernel.shape[:2], name=name)
    y = layer(x)
    layer.set_weights([kernel, bias])
    return y


def _pooled(x: Any, pooling: tuple[int, str] | None, index: int) -> Any:
    if pooling is None:
        return x
    size, padding = pooling
    return layers.MaxPooling2D(size, 2, padding=padding, name=f"pool{index + 1}")(x)


def _late_prelu(x: Any, parts: rewrites.LatePReLU, pooling: tuple[int, str] | None) -> Any:
    """Output of the first convolution, pooling and PReLU, but for the sign that the next kernel takes."""
    x = _pooled(_conv(x, parts.kernel, parts.bias, "conv1"), pooling, 0)
    none = np.zeros(len(parts.sign), np.float32)
    pieces = [_conv(x, kernel, none, f"prelu1_{kind}") for kind, kernel in (("m", parts.first), ("a", parts.second))]
    return layers.Maximum(name="prelu1")(pieces)


def _split_prelu(x: Any, slope: Floats, _name: str) -> Any:
    return rewrites.split_prelu(x, slope, keras)


def _prelu(x: Any, slope: Floats, name: str) -> Any:
    layer = layers.PReLU(shared_axes=[1, 2], name=name)
    y = layer(x)
    layer.set_weights([slope])
    return y
