"""Real faces for the measurement of ranges and for parity: found, aligned and fed as the run time does it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converters import photos
from edge_fer.align import align
from edge_fer.config import DetectorConfig
from edge_fer.errors import ConversionError
from edge_fer.manifest import Crop
from edge_fer.mtcnn import Mtcnn
from edge_fer.types import Landmarks

FEWEST = 20
"""Fewer faces than this measure no range: even 100 leave outliers (design notes)."""


@dataclass(frozen=True, eq=False)
class Face:
    """A photo's largest face. `rgb` is uint8 (H, W, 3)."""

    name: str
    rgb: NDArray[np.uint8]
    landmarks: Landmarks

    def crop(self, crop: Crop) -> NDArray[np.uint8]:
        """uint8 (height, width, 3), as the run time cuts it."""
        return align(self.rgb, self.landmarks, crop)


def find_faces(place: Path, detectors: Path, most: int) -> tuple[Face, ...]:
    """The largest face of each photo.

    Args:
        place: Folder or zip of photos.
        detectors: Folder with pnet, rnet and onet.
        most: Stop at this number.

    Raises:
        SourceError: No photos there.
        ConversionError: Fewer than FEWEST faces in them.
    """
    found: list[Face] = []
    looked = 0
    for looked, face in enumerate(_largest(place, detectors), 1):  # noqa: B007
        if face is not None:
            found.append(face)
        if len(found) == most:
            break
    if len(found) < FEWEST:
        raise ConversionError(
            f"{place}: {len(found)} faces in {looked} photos; at least {FEWEST} are needed, 300 are good",
            "give --photos with more photos of different people, each face 80 px or larger",
        )
    return tuple(found)


def _largest(place: Path, detectors: Path) -> Iterator[Face | None]:
    detector = Mtcnn(detectors, DetectorConfig())
    for name, rgb in photos.read_all(place):
        faces = detector.detect(rgb)
        if faces:
            best = max(faces, key=lambda face: face.box.width * face.box.height)
            yield Face(name, rgb, best.landmarks)
        else:
            yield None
