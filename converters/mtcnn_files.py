"""Readers of MTCNN weight files: the PyPI package's .lz4 lists.

All readers give the package's layout: height, width, channels in, out; dense kernels flattened x first.
"""

from __future__ import annotations

import importlib.util
import zlib
from pathlib import Path

import joblib
import numpy as np

from converters.mtcnn import STAGES
from converters.weights import WeightList, check_shapes
from edge_fer.errors import SourceError
from edge_fer.manifest import Source, sha256_of

_HINT = "give the folder of the .lz4 files of the PyPI package mtcnn 1.0.0, or none to use the installed package"


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


def _package_list(path: Path, stem: str) -> WeightList:
    try:
        stored = joblib.load(path)
        arrays = tuple(np.asarray(array, np.float32) for array in stored)
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file", _HINT) from error
    except (OSError, ValueError, TypeError, EOFError, KeyError, RuntimeError, zlib.error) as error:
        raise SourceError(f"{path}: not a list of weights, or cut off: {error}", _HINT) from error
    check_shapes(arrays, STAGES[stem].shapes(), path, _HINT)
    source = Source(
        name="mtcnn 1.0.0",
        origin="https://pypi.org/project/mtcnn/1.0.0/",
        file=path.name,
        sha256=sha256_of(path),
        licence="MIT",
    )
    return WeightList(arrays, source)
