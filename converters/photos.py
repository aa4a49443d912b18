"""Photos from a folder, a zip file or single files, decoded one at a time."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_fer.errors import SourceError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")

_HINT = "give a folder or a .zip of JPEG or PNG photos with faces"


def read_all(place: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Name and picture, uint8 (H, W, 3) RGB, of every photo in `place`, in the order of their names.

    Files that are no pictures are skipped.

    Raises:
        SourceError: `place` is missing, no zip file, or holds no photo at all.
    """
    count = 0
    for name, stored in _files(place):
        bgr = cv2.imdecode(np.frombuffer(stored, np.uint8), cv2.IMREAD_COLOR)
        if bgr is not None:
            count += 1
            yield name, np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
    if not count:
        raise SourceError(f"{place}: no photo in it", _HINT)


def _files(place: Path) -> Iterator[tuple[str, bytes]]:
    if place.is_dir():
        for path in sorted(place.rglob("*")):
            if path.suffix.lower() in SUFFIXES:
                yield str(path.relative_to(place)), path.read_bytes()
    elif place.suffix.lower() == ".zip" and zipfile.is_zipfile(place):
        with zipfile.ZipFile(place) as archive:
            for name in sorted(archive.namelist()):
                if name.lower().endswith(SUFFIXES):
                    yield name, archive.read(name)
    elif place.is_file() and place.suffix.lower() in SUFFIXES:
        yield place.name, place.read_bytes()
    else:
        raise SourceError(f"{place}: no such folder, zip file or photo", _HINT)
