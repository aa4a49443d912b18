"""Labeled faces for verification: the photos of pairs, found and aligned by our own detector.

Source: Huang et al. 2007, Labeled Faces in the Wild; any other folder or zip with a CSV of pairs will do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from converters import photos, verification
from converters.calibration import Face
from converters.progress import track
from converters.verification import Pair
from edge_fer.config.schema import DetectorConfig
from edge_fer.domain.faces import Detection
from edge_fer.domain.geometry import Landmarks
from edge_fer.errors import SourceError
from edge_fer.vision.mtcnn import Mtcnn


@dataclass(frozen=True, eq=False)
class LabeledFaces:
    """Faces by the name of their photo, and pairs of these names.

    Attributes:
        not_found: Photos in which the detector saw no face; they were aligned on the mean of all others' landmarks.
    """

    faces: dict[str, Face]
    pairs: tuple[Pair, ...]
    not_found: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.faces)

    def subjects(self) -> NDArray[np.str_]:
        """(n,) the person of each face: the photo's name up to its number."""
        return np.array([PurePosixPath(name).stem.rsplit("_", 1)[0] for name in self.faces])

    def rows(self) -> tuple[NDArray[np.int_], NDArray[np.int_], NDArray[np.bool_], NDArray[np.int_]]:
        """Row of photo a, row of photo b, same, fold: (pairs,) each."""
        row = {name: index for index, name in enumerate(self.faces)}
        columns = [(row[pair.a], row[pair.b], pair.same, pair.fold) for pair in self.pairs]
        a, b, same, fold = zip(*columns, strict=True)
        return np.array(a), np.array(b), np.array(same), np.array(fold)


def load(pairs: Path, place: Path, detectors: Path) -> LabeledFaces:
    """Find in each photo the face nearest to its center.

    Raises:
        SourceError: Photos or pairs are missing, or a pair names a photo that is not there.
    """
    listed = verification.read_pairs(pairs)
    wanted = {name for pair in listed for name in (pair.a, pair.b)}
    detector = Mtcnn(detectors, DetectorConfig())
    found: dict[str, Face | None] = {}
    pictures: dict[str, NDArray[np.uint8]] = {}
    for name, rgb in track(photos.read_all(place), f"faces in {place.name}", len(wanted)):
        key = name if name in wanted else PurePosixPath(name).name
        if key in wanted:
            pictures[key] = rgb
            faces = detector.detect(rgb)
            found[key] = Face(key, rgb, _central(faces, rgb).landmarks) if faces else None
    missing = sorted(wanted - set(found))
    if missing:
        raise SourceError(f"{place}: lacks {len(missing)} photos of {pairs.name}, such as {missing[0]}", "give both")
    points = np.mean([face.landmarks.array() for face in found.values() if face is not None], axis=0)
    middle = Landmarks.from_array(points)
    faces_by_name = {name: face or Face(name, pictures[name], middle) for name, face in sorted(found.items())}
    return LabeledFaces(faces_by_name, listed, tuple(sorted(name for name, face in found.items() if face is None)))


def _central(faces: tuple[Detection, ...], rgb: NDArray[np.uint8]) -> Detection:
    height, width = rgb.shape[:2]

    def distance(face: Detection) -> float:
        x, y = face.box.center
        return float((x - width / 2) ** 2 + (y - height / 2) ** 2)

    return min(faces, key=distance)
