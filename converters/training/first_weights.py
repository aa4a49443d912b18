"""Where training of the emotion network starts: dlib's face recognition ResNet (CC0), or any convolutions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from converters import dlib_file
from converters.training import network
from converters.training.network import HALF_RANGE, Convolutions
from edge_fer.errors import SourceError

Floats = NDArray[np.float32]


def from_dlib(model: keras.Model, weights: Path, pixels: Floats) -> None:
    """Fill every convolution of `model` with dlib's, affine layers folded in; skips become 'average and widen'.

    Args:
        model: A fresh `training_model`.
        weights: dlib's face recognition network.
        pixels: (n, s, s, 1) gray 0–255, for the normalization's first statistics.

    Raises:
        SourceError: The file is not dlib's face recognition network.
    """
    net = dlib_file.read(weights)
    source = _folded(net)
    filled: dict[str, tuple[Floats, Floats]] = {}
    for layer in network.convolutions(model):
        if layer.name.endswith("_skip"):
            filled[layer.name] = _averaging_skip(*layer.kernel.shape[2:])
            continue
        kernel, bias = next(source)
        filled[layer.name] = _on_gray(kernel, bias, net.mean) if layer.name == "stem" else (kernel, bias)
    from_convolutions(model, filled, pixels)


def from_convolutions(model: keras.Model, source: Convolutions, pixels: Floats) -> None:
    """Make `model` compute what `source` does without normalization, with statistics of what `pixels` gives.

    Args:
        model: A fresh `training_model`.
        source: For every convolution of it.
        pixels: (n, s, s, 1) gray 0–255.
    """
    normed = []
    for layer in network.convolutions(model):
        kernel, bias = source[layer.name]
        norm = network.norm_of(model, layer)
        if norm is None:
            layer.set_weights([kernel, bias])
            continue
        layer.set_weights([kernel])
        ones = np.ones_like(bias)
        norm.set_weights([ones, bias, 0 * ones, ones * (1 - norm.epsilon)])  # scale 1, shift `bias`
        normed.append((layer, norm, bias))
    maps = keras.Model(model.input, [layer.output for layer, _, _ in normed]).predict(pixels, verbose=0)
    for (_, norm, bias), values in zip(normed, maps, strict=True):
        mean, variance = (np.asarray(of(np.float32(values), axis=(0, 1, 2))) for of in (np.mean, np.var))
        norm.set_weights([np.sqrt(variance + norm.epsilon), mean + bias, mean, variance])


def _averaging_skip(channels_in: int, channels_out: int) -> tuple[Floats, Floats]:
    """dlib's skip past a stride: 2×2 means, new channels zero."""
    kernel = np.zeros((2, 2, channels_in, channels_out), np.float32)
    kernel[:, :, range(channels_in), range(channels_in)] = 0.25
    return kernel, np.zeros(channels_out, np.float32)


def _folded(net: dlib_file.DlibNet) -> Iterator[tuple[Floats, Floats]]:
    """Kernel and bias of each convolution, the affine layer behind it folded in, from the input upwards."""
    for convolution, affine in itertools.pairwise(net.layers):
        if convolution.kind == "con_4" and affine.kind == "affine_":
            scale, shift = affine.kernel, affine.bias
            if convolution.kernel is None or convolution.bias is None or scale is None or shift is None:
                raise SourceError("dlib's network lacks weights", dlib_file.HINT)
            yield convolution.kernel * scale, convolution.bias * scale + shift


def _on_gray(kernel: Floats, bias: Floats, mean: tuple[float, float, float]) -> tuple[Floats, Floats]:
    """The stem for one channel of −1…1 instead of (rgb − mean) / 256; exact because it has no padding."""
    offset = HALF_RANGE - np.asarray(mean, np.float32)[:, None]
    return kernel.sum(axis=2, keepdims=True) * (HALF_RANGE / 256), bias + (kernel * offset).sum(axis=(0, 1, 2)) / 256
