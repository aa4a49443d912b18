"""Readers of VGG-Face weight files, as four projects pass them around; .h5 layers are read when they are asked for.

- keras-vggface: rcmalli_vggface_tf_vgg16.h5 and …_notop_vgg16.h5; kernels by layer name; fc6 … fc8 are dense,
  flattened row by row; pictures go in as BGR less a mean.
- deepface: vgg_face_weights.h5; 16 convolutions in order, under names that Keras numbered; BGR / 255.
- matconvnet: vgg_face.mat (Oxford) and vgg-face.mat (vlfeat); a struct array `layers` of kernels (row, column, in,
  out); RGB less the file's own mean.

Sources: keras_vggface.utils.preprocess_input (version 1); deepface.commons, normalization "base"; the .mat file's own
meta.normalization.averageImage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from edge_fer.errors import SourceError

Floats = NDArray[np.float32]

BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""(channels, convolutions) between two poolings. Source: Parkhi et al. 2015, table 3, configuration D."""

CONVOLUTIONS = tuple(f"conv{block}_{n}" for block, (_, count) in enumerate(BLOCKS, 1) for n in range(1, count + 1))
DENSE = ("fc6", "fc7", "fc8")

MEAN_RGB = (129.1863, 104.7624, 93.5940)
"""Mean of the training pictures. Source: vgg_face_matconvnet, averageImage."""

HINT = "'edge-fer-convert vggface' without a file says which files are known and where they are published"


@dataclass(frozen=True, eq=False)
class VggFile:
    """One weights file.

    Attributes:
        layout: "keras-vggface", "deepface" or "matconvnet".
        color: Channel order that its publisher feeds.
        mean, std: As its publisher takes them, in 0–255; in the order of `color`.
        layer: Name → kernel (height, width, in, out) and bias (out,); SourceError where the file has none.
        close: Give the file back.
    """

    layout: str
    color: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    layer: Callable[[str], tuple[Floats, Floats]]
    close: Callable[[], None]


def shapes() -> dict[str, tuple[int, int, int, int]]:
    """Kernel of every layer, the dense ones as convolutions."""
    found: dict[str, tuple[int, int, int, int]] = {}
    channels = 3
    for block, (out, count) in enumerate(BLOCKS, 1):
        for n in range(1, count + 1):
            found[f"conv{block}_{n}"] = (3, 3, channels, out)
            channels = out
    return found | {"fc6": (7, 7, 512, 4096), "fc7": (1, 1, 4096, 4096), "fc8": (1, 1, 4096, 2622)}


def open_file(path: Path) -> VggFile:
    """Recognize the layout and open the file.

    Raises:
        SourceError: Missing, cut off, or none of the layouts.
    """
    if not path.is_file():
        raise SourceError(f"{path}: no such file", HINT)
    try:
        return _open_mat(path) if path.suffix == ".mat" else _open_h5(path)
    except (OSError, KeyError, ValueError, TypeError, IndexError, NotImplementedError) as error:
        raise SourceError(f"{path}: no VGG-Face weights, or cut off: {error}", HINT) from error


def _checked(path: Path, name: str, kernel: Any, bias: Any) -> tuple[Floats, Floats]:
    shape = shapes()[name]
    kernel, bias = np.asarray(kernel, np.float32), np.asarray(bias, np.float32).reshape(-1)
    flat = (shape[0] * shape[1] * shape[2], shape[3])
    if kernel.shape not in (shape, flat) or bias.shape != shape[3:]:
        raise SourceError(f"{path}: {name} is {kernel.shape} with bias {bias.shape}, expected {shape}", HINT)
    if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
        raise SourceError(f"{path}: {name} holds numbers that are not finite", HINT)
    return kernel.reshape(shape), bias


def _open_h5(path: Path) -> VggFile:
    file = h5py.File(path, "r")
    root = file.get("model_weights", file)
    try:
        names = [_text(name) for name in root.attrs["layer_names"]]
        layout, stored = _recognized([name for name in names if len(root[name].attrs["weight_names"])])
    except BaseException:  # whatever it was, even an interrupt: the file is closed and the error goes on
        file.close()
        raise

    def layer(name: str) -> tuple[Floats, Floats]:
        if name not in stored:
            raise SourceError(f"{path}: has no {name}; it has {', '.join(stored)}", HINT)
        group = root[stored[name]]
        try:
            kernel, bias = (group[_text(weight)][()] for weight in group.attrs["weight_names"])
        except (OSError, KeyError, ValueError) as error:
            raise SourceError(f"{path}: {name} cannot be read: {error}", HINT) from error
        return _checked(path, name, kernel, bias)

    if layout == "deepface":
        return VggFile(layout, "bgr", (), (255.0, 255.0, 255.0), layer, file.close)
    return VggFile(layout, "bgr", MEAN_RGB[::-1], (), layer, file.close)


def _recognized(weighted: list[str]) -> tuple[str, dict[str, str]]:
    """Layout, and our name → the file's name of every layer with weights."""
    if weighted and weighted[0] == CONVOLUTIONS[0]:
        return "keras-vggface", {name: name for name in weighted}
    if len(weighted) == len(CONVOLUTIONS) + len(DENSE):
        return "deepface", dict(zip((*CONVOLUTIONS, *DENSE), weighted, strict=True))
    raise ValueError(f"{len(weighted)} layers with weights ({', '.join(weighted[:3])} …)")


def _open_mat(path: Path) -> VggFile:
    from scipy.io import loadmat  # type: ignore[import-untyped]  # noqa: PLC0415 (needed for this layout only)
    from scipy.io.matlab import MatReadError  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        stored = loadmat(path, simplify_cells=True)
    except MatReadError as error:
        raise ValueError(str(error)) from error
    net = stored.get("net", stored)
    layers = {entry["name"]: entry for entry in net["layers"] if "weights" in entry or "filters" in entry}
    if not set(CONVOLUTIONS) <= set(layers):
        raise ValueError(f"layers {', '.join(list(layers)[:4])} …")

    def layer(name: str) -> tuple[Floats, Floats]:
        if name not in layers:
            raise SourceError(f"{path}: has no {name}", HINT)
        entry = layers[name]
        kernel, bias = entry["weights"] if "weights" in entry else (entry["filters"], entry["biases"])
        return _checked(path, name, kernel, bias)

    return VggFile("matconvnet", "rgb", _mean_of(net), (), layer, layers.clear)


def _mean_of(net: Any) -> tuple[float, ...]:
    """The file's own mean: one per channel, or a whole picture of means."""
    normalization = net.get("normalization") or net.get("meta", {}).get("normalization") or {}
    image = np.asarray(normalization.get("averageImage", MEAN_RGB), np.float64)
    return tuple(round(float(value), 4) for value in image.reshape(-1, 3).mean(axis=0))


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
