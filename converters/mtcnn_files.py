"""Readers of MTCNN weight files: the PyPI package's .lz4 lists, and the det1.npy, det2.npy, det3.npy of other projects.

Both give the package's layout: height, width, channels in, out; dense kernels flattened x first; the class head last.
The .npy dictionaries (caffe-tensorflow's, as David Sandberg's facenet ships them) are of a network that sees pictures
transposed, as Caffe's MATLAB side trained it: their kernels are transposed back. Checked against both layouts of the
same weights in mtcnn 0.1.0 and 1.0.0. Caffemodels are not read: no small, maintained reader exists for them.
"""

from __future__ import annotations

import importlib.util
import pickle
import zlib
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

from converters.mtcnn import STAGES
from converters.weights import WeightList, check_shapes
from edge_fer.errors import SourceError
from edge_fer.tflite.manifest import Source, sha256_of

_HINT = "give a folder of pnet.lz4, rnet.lz4, onet.lz4 (PyPI package mtcnn 1.0.0) or of det1.npy, det2.npy, det3.npy"

_DICTIONARIES = {
    "pnet": ("det1.npy", ("conv1", "conv2", "conv3"), (), ("conv4-2", "conv4-1")),
    "rnet": ("det2.npy", ("conv1", "conv2", "conv3"), ("conv4",), ("conv5-2", "conv5-1")),
    "onet": ("det3.npy", ("conv1", "conv2", "conv3", "conv4"), ("conv5",), ("conv6-2", "conv6-3", "conv6-1")),
}
"""File, convolutions, dense layer, and heads (box, landmarks, class) by their names in it."""


def read(folder: Path | None) -> dict[str, WeightList]:
    """The three networks' weights from `folder`, or from the installed package.

    Raises:
        SourceError: A file is missing, cut off, or of another network.
    """
    if folder is not None and (folder / "det1.npy").is_file():
        return {stem: _dictionary(folder / entry[0], stem) for stem, entry in _DICTIONARIES.items()}
    return from_package(folder or installed_folder())


def installed_folder() -> Path:
    """Folder of the weights of the installed package.

    Raises:
        SourceError: ``mtcnn`` is not installed.
    """
    spec = importlib.util.find_spec("mtcnn")
    if spec is None or spec.origin is None:
        raise SourceError("the PyPI package mtcnn is not installed", "install edge-fer[convert]")
    return Path(spec.origin).parent / "assets" / "weights"


def from_package(folder: Path) -> dict[str, WeightList]:
    """Read pnet.lz4, rnet.lz4 and onet.lz4.

    Raises:
        SourceError: A file is missing, cut off, or of another network.
    """
    return {stem: _package_list(folder / f"{stem}.lz4", stem) for stem in STAGES}


_UNREADABLE = (
    OSError, ValueError, TypeError, EOFError, KeyError, IndexError, RuntimeError, AttributeError, ImportError,
    MemoryError, pickle.UnpicklingError, zlib.error,
)  # fmt: skip
"""What a damaged or foreign file makes the readers raise."""


def _package_list(path: Path, stem: str) -> WeightList:
    try:
        stored = joblib.load(path)
        arrays = tuple(np.asarray(array, np.float32) for array in stored)
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file", _HINT) from error
    except _UNREADABLE as error:
        raise SourceError(f"{path}: not a list of weights, or cut off: {error}", _HINT) from error
    check_shapes(arrays, STAGES[stem].shapes(), path, _HINT)
    source = Source(
        name="mtcnn 1.0.0",
        origin="https://pypi.org/project/mtcnn/1.0.0/",
        file=path.name,
        sha256=sha256_of(path),
        license="MIT",
    )
    return WeightList(arrays, source)


def _dictionary(path: Path, stem: str) -> WeightList:
    _, convolutions, dense, heads = _DICTIONARIES[stem]
    try:
        layers = _harmless_pickle(path)
        arrays: list[NDArray[np.float32]] = []
        for index, name in enumerate((*convolutions, *dense), 1):
            kernel, bias, slope = layers[name]["weights"], layers[name]["biases"], layers[f"PReLU{index}"]["alpha"]
            flat = name in dense
            arrays += [kernel if flat else kernel.transpose(1, 0, 2, 3), bias, slope if flat else slope[None, None]]
        for name in heads:
            arrays += [layers[name]["weights"], layers[name]["biases"]]
        found = tuple(np.asarray(array, np.float32) for array in arrays)
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file", _HINT) from error
    except _UNREADABLE as error:
        raise SourceError(f"{path}: not a dictionary of MTCNN's layers, or cut off: {error}", _HINT) from error
    check_shapes(found, STAGES[stem].shapes(), path, _HINT)
    source = Source(
        name="MTCNN (Zhang et al. 2016)",
        origin="https://github.com/davidsandberg/facenet/tree/master/src/align",
        file=path.name,
        sha256=sha256_of(path),
        license="MIT",
    )
    return WeightList(found, source)


class _ArraysOnly(pickle.Unpickler):
    """A pickle can name any function to be called; this one may name what a dictionary of arrays needs."""

    def find_class(self, module: str, name: str) -> Any:
        known = {"ndarray", "dtype", "_reconstruct", "scalar", "OrderedDict", "encode"}
        if module.partition(".")[0] in {"numpy", "collections", "_codecs"} and name in known:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no weights need")


def _harmless_pickle(path: Path) -> Any:
    """The object in a .npy file."""
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        reader(file)
        return _ArraysOnly(file, encoding="latin1").load().item()
