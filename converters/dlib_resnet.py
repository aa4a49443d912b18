"""dlib's face recognition ResNet (CC0) as a Keras network on raw RGB, 150×150 → 128 numbers.

Rewritten exactly: affine layers and the input's (v − mean) / 256 are folded into the convolutions. Two of dlib's own
habits are kept: a strided convolution has no padding, and a residual sum zero-extends the smaller tensor, which is the
skip in channels and, on odd maps, the main branch at bottom and right.

Source: dlib's dnn_face_recognition_ex.cpp; He et al. 2016. The structure itself is read from the weights file.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from converters import dlib_file
from converters.dlib_file import HINT, DlibNet, Layer
from converters.network import Network, Scheme
from edge_fer.errors import SourceError
from edge_fer.tflite.manifest import Crop, Input, Output, Source, sha256_of

Floats = NDArray[np.float32]

PUBLISHED_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"

ALIGNMENT = Crop(
    size_px=(150, 150),
    landmarks=((47.5, 45.4), (100.9, 45.4), (74.2, 77.5), (51.0, 105.0), (97.4, 105.0)),
)
"""Where MTCNN's five points lie in dlib's own chips, averaged. Measured: design notes, "The light identity network"."""

SCHEME: Scheme = "int8"

WORST_COSINE = 0.998
"""The band is narrow: strangers' median 0.83, one person's 0.95. Stated with the project's aims."""

THRESHOLDS = {
    "fmr_1e-3_single": 0.925,
    "fmr_1e-3_mean": 0.935,
    "fmr_1e-4_single": 0.940,
    "fmr_1e-4_mean": 0.947,
    "best_accuracy_single": 0.904,
}
"""Where no pairs are given. Source: measured on LFW, all ten folds (design notes)."""

_INPUT_SCALE = 256.0


def installed_file() -> Path:
    """The .dat of the installed package.

    Raises:
        SourceError: ``face_recognition_models`` is not installed.
    """
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or spec.origin is None:
        raise SourceError("the PyPI package face_recognition_models is not installed", "install edge-fer[convert]")
    return Path(spec.origin).parent / "models" / "dlib_face_recognition_resnet_model_v1.dat"


def network(path: Path, scheme: Scheme = SCHEME) -> Network:
    """The identity network, ready to be converted.

    Raises:
        SourceError: `path` is missing, cut off, or another network.
    """
    model = rebuilt(dlib_file.read(path), path)
    digest = sha256_of(path)
    source = Source(
        name="dlib face recognition ResNet v1",
        origin="https://github.com/davisking/dlib-models, in the PyPI package face_recognition_models 0.3.0",
        file=path.name,
        sha256=digest,
        license="CC0-1.0",
    )
    known = "the published weights" if digest == PUBLISHED_SHA256 else "other weights than the published ones"
    return Network(
        name="dlib-resnet",
        stem="identity",
        task="identity",
        keras=model,
        scheme=scheme,
        source=source,
        input=Input(shape=(-1, 150, 150, 3), color="rgb"),
        output=Output(kind="embedding"),
        crop=ALIGNMENT,
        thresholds=THRESHOLDS,
        notes=(f"{known}; score: cosine of the raw outputs; the mean of a face and its mirror image is better",),
    )


def rebuilt(net: DlibNet, path: Path) -> keras.Model:
    """(n, 150, 150, 3) RGB 0–255 → (n, 128).

    Args:
        path: For the error message.

    Raises:
        SourceError: The layers are not those of a residual network.
    """
    keras.utils.clear_session()  # Keras numbers layers, run by run, and the numbers end up in the file
    pixels = layers.Input((net.side_px, net.side_px, 3), name="rgb")
    left = iter(net.layers)
    x = _start(pixels, left, net, path)
    for layer in left:
        if layer.kind == "con_4":
            x = _residual(x, layer, left, path)
        elif layer.kind == "avg_pool_2" and layer.window == (0, 0):
            x = layers.GlobalAveragePooling2D()(x)
        elif layer.kind == "fc_2":
            x = _dense(x, layer)
        else:
            raise _misplaced(layer, path)
    return keras.Model(pixels, x, name="dlib_resnet")


def _start(pixels: Any, left: Iterator[Layer], net: DlibNet, path: Path) -> Any:
    first = next(left)
    kernel, bias = _folded(first, _next(left, "affine_", path))
    mean = np.asarray(net.mean, np.float64)[:, None]
    bias = bias - (kernel * mean / _INPUT_SCALE).sum(axis=(0, 1, 2))
    x = _conv(pixels, kernel / _INPUT_SCALE, bias, first, relu=True)
    _next(left, "relu_", path)
    pool = _next(left, "max_pool_2", path)
    return layers.MaxPooling2D(pool.window, pool.stride)(x)


def _residual(x: Any, first: Layer, left: Iterator[Layer], path: Path) -> Any:
    """relu(conv(relu(conv(x))) + skip), where skip is x, or x averaged to half its size."""
    y = _conv(x, *_folded(first, _next(left, "affine_", path)), first, relu=True)
    _next(left, "relu_", path)
    second = _next(left, "con_4", path)
    y = _conv(y, *_folded(second, _next(left, "affine_", path)), second, relu=False)
    layer = next(left)
    if layer.kind == "avg_pool_2":
        x = _averaged(x, layer)
        layer = next(left)
    if layer.kind != "add_prev_":
        raise _misplaced(layer, path)
    _next(left, "relu_", path)
    x, y = _extended(x, y.shape), _extended(y, x.shape)
    return layers.ReLU()(layers.Add()([y, x]))


def _averaged(x: Any, pool: Layer) -> Any:
    """Average pooling as a depthwise convolution: the XNNPACK delegate has no average pooling of 8-bit numbers."""
    kernel = np.full((*pool.window, x.shape[3], 1), 1 / (pool.window[0] * pool.window[1]), np.float32)
    return _with_weights(layers.DepthwiseConv2D(pool.window, pool.stride, use_bias=False), x, kernel)


def _extended(x: Any, shape: tuple[int, ...]) -> Any:
    """`x` with zeros at bottom, right and in further channels, where `shape` is larger."""
    missing = [max(0, wanted - have) for have, wanted in zip(x.shape[1:], shape[1:], strict=True)]
    if not any(missing):
        return x
    return keras.ops.pad(x, ((0, 0), *((0, count) for count in missing)))


def _conv(x: Any, kernel: NDArray[Any], bias: NDArray[Any], layer: Layer, *, relu: bool) -> Any:
    conv = layers.Conv2D(
        kernel.shape[3],
        layer.window,
        layer.stride,
        padding="same" if layer.padding else "valid",
        activation="relu" if relu else None,
    )
    return _with_weights(conv, x, kernel.astype(np.float32), bias.astype(np.float32))


def _dense(x: Any, layer: Layer) -> Any:
    assert layer.kernel is not None  # the reader gives every dense layer one
    return _with_weights(layers.Dense(layer.kernel.shape[1], use_bias=False), x, layer.kernel)


def _with_weights(layer: Any, x: Any, *weights: Floats) -> Any:
    y = layer(x)
    layer.set_weights(list(weights))
    return y


def _folded(conv: Layer, affine: Layer) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Kernel and bias of convolution and affine layer in one."""
    assert conv.kernel is not None and conv.bias is not None  # noqa: PT018 (the reader gives both to both)
    assert affine.kernel is not None and affine.bias is not None  # noqa: PT018
    scale = affine.kernel.astype(np.float64)
    return conv.kernel * scale, conv.bias * scale + affine.bias


def _next(left: Iterator[Layer], kind: str, path: Path) -> Layer:
    layer = next(left)
    if layer.kind != kind:
        raise _misplaced(layer, path)
    return layer


def _misplaced(layer: Layer, path: Path) -> SourceError:
    return SourceError(f"{path}: a layer {layer.kind} stands where a residual network has none", HINT)
