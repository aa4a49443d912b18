"""Real faces for the measurement of ranges and for parity: found, aligned and fed as the run time does it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from converters import photos
from converters.progress import track
from edge_fer.config.schema import DetectorConfig
from edge_fer.domain.geometry import Landmarks
from edge_fer.errors import ConversionError
from edge_fer.tflite.manifest import Crop, Input
from edge_fer.vision.alignment import align, model_input
from edge_fer.vision.mtcnn import Mtcnn

FEWEST = 20
"""Fewer faces than this measure no range: even 100 leave outliers (design notes)."""

PROBE_SHARE = 0.25
"""Part of the faces that is kept out of calibration, for the parity gate."""

STILLS = Path(__file__).parents[1] / "edge_fer" / "samples" / "media"
"""The two public-domain portraits that ship with the project."""

_VARIANTS = 80
_SIZE_PX = 320


@dataclass(frozen=True, eq=False)
class Face:
    """A photo's largest face. `rgb` is uint8 (H, W, 3)."""

    name: str
    rgb: NDArray[np.uint8]
    landmarks: Landmarks

    def input(self, crop: Crop, contract: Input) -> NDArray[np.uint8] | NDArray[np.float32]:
        """(1, height, width, channels) of a network, made by the run time's own code."""
        return model_input(align(self.rgb, self.landmarks, crop), contract)


@dataclass(frozen=True, eq=False)
class Faces:
    """Faces for calibration and, apart from them, for parity; `origin` says whose they are."""

    calibration: tuple[Face, ...]
    probe: tuple[Face, ...]
    origin: str


def collect(place: Path | None, detectors: Path, most: int) -> Faces:
    """Find faces, the largest of each photo, and split them.

    Args:
        place: Folder or zip of photos; None for the portraits that ship.
        detectors: Folder with pnet, rnet and onet.
        most: At most so many for calibration.

    Raises:
        SourceError: No photos there.
        ConversionError: Fewer than FEWEST faces in them.
    """
    pictures = shipped_pictures() if place is None else photos.read_all(place)
    found = tuple(_largest(pictures, detectors, round(most / (1 - PROBE_SHARE)), str(place or STILLS)))
    if len(found) < FEWEST:
        raise ConversionError(
            f"{place}: {len(found)} faces found; at least {FEWEST} are needed, 300 are good",
            "give --photos with more photos of different people, each face 80 px or larger",
        )
    calibration = tuple(face for index, face in enumerate(found) if index % 4)
    probe = tuple(face for index, face in enumerate(found) if not index % 4)
    origin = f"{len(STILL_NAMES)} portraits that ship, in {2 * _VARIANTS} variants"
    if place is not None:
        origin = f"{place.name} ({_digest(place)})"
    return Faces(calibration, probe, origin)


STILL_NAMES = ("astronaut.png", "grace_hopper.jpg")


def shipped_pictures() -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """The portraits turned, scaled, mirrored, re-lit and blurred by a fixed seed."""
    draw = np.random.default_rng(2026)
    stills = [dict(photos.read_all(STILLS))[name] for name in STILL_NAMES]
    for variant in range(_VARIANTS):
        for name, rgb in zip(STILL_NAMES, stills, strict=True):
            yield f"{name}#{variant}", _varied(rgb, draw)


def _varied(rgb: NDArray[np.uint8], draw: np.random.Generator) -> NDArray[np.uint8]:
    height, width = rgb.shape[:2]
    scale = _SIZE_PX / max(height, width) * draw.uniform(0.7, 1.4)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), draw.uniform(-20, 20), scale)
    matrix[:, 2] += _SIZE_PX / 2 - width / 2, _SIZE_PX / 2 - height / 2
    picture = cv2.warpAffine(rgb, matrix, (_SIZE_PX, _SIZE_PX), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
    if draw.random() < 0.5:
        picture = picture[:, ::-1]
    if draw.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), draw.uniform(0.5, 2))
    tint = draw.uniform(0.85, 1.15, 3)
    lit = 255 * (picture / 255.0) ** draw.uniform(0.5, 2) * draw.uniform(0.6, 1.3) * tint
    return np.asarray(np.clip(lit, 0, 255), np.uint8)


def _largest(
    pictures: Iterable[tuple[str, NDArray[np.uint8]]], detectors: Path, most: int, what: str
) -> Iterator[Face]:
    detector = Mtcnn(detectors, DetectorConfig())
    count = 0
    for name, rgb in track(pictures, f"faces in {Path(what).name}"):
        faces = detector.detect(rgb)
        if faces:
            best = max(faces, key=lambda face: face.box.width * face.box.height)
            yield Face(name, rgb, best.landmarks)
            count += 1
        if count == most:
            return


def _digest(place: Path) -> str:
    """First digits of a zip's sha256, or of the names and sizes in a folder."""
    digest = hashlib.sha256()
    if place.is_file():
        digest.update(place.read_bytes())
    for path in sorted(place.rglob("*")) if place.is_dir() else ():
        digest.update(f"{path.relative_to(place)} {path.stat().st_size}\n".encode())
    return f"sha256 {digest.hexdigest()[:12]}…"
