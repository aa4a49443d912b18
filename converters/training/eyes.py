"""Closed eyes on whole faces: single-eye pictures blended into portraits.

Only single eyes are labeled open or closed, but the network sees whole faces. So a closed eye is blended into both eye
places of a portrait. The same is done with open eyes, whose label stays the portrait's own: the blending itself must
not say tired.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from converters.training.tired import crop_template
from edge_fer.config.schema import DetectorConfig
from edge_fer.errors import SourceError
from edge_fer.vision.alignment import align
from edge_fer.vision.mtcnn import Mtcnn

EYE_WIDTH = 0.72
"""Width of a single-eye picture (96×80, the eye fills about 60 %) in eye distances: an eye is about 0.44 wide."""

Gray = NDArray[np.uint8]


@dataclass(frozen=True)
class Portraits:
    """Portraits, aligned: as they are, with closed and with open eyes blended in; each uint8 (n, 224, 224)."""

    plain: Gray
    closed: Gray
    opened: Gray


def load(data: Path, models: Path, cache: Path, seed: int) -> Portraits:
    """Made once, then kept in `cache` (.npz).

    Args:
        data: Holds tired/eyes.zip and lfw/calibration.zip.
        models: Holds the detector's networks.
        cache: Written when absent.
        seed: Chooses which eyes go on which face.

    Raises:
        SourceError: An archive is missing or empty.
    """
    if not cache.is_file():
        try:
            _make(data, models, cache, np.random.default_rng(seed))
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise SourceError(f"{data}: {error}", "give --data the folder with tired/ and lfw/") from error
    with np.load(cache) as stored:
        return Portraits(stored["plain"], stored["closed"], stored["opened"])


def _make(data: Path, models: Path, cache: Path, draw: np.random.Generator) -> None:
    eyes = _pictures(data / "tired" / "eyes.zip")
    closed = [eye for name, eye in eyes.items() if name.startswith("closed")]
    opened = [eye for name, eye in eyes.items() if name.startswith("open")]
    detector, template = Mtcnn(models, DetectorConfig()), crop_template()
    places = np.asarray(template.landmarks)[:2]
    parts: tuple[list[Gray], ...] = ([], [], [])
    for gray in _pictures(data / "lfw" / "calibration.zip").values():
        faces = detector.detect(np.repeat(gray[..., None], 3, axis=2))
        if not faces:
            continue
        face = align(gray, max(faces, key=lambda found: found.box.width).landmarks, template)
        parts[0].append(face)
        parts[1].append(with_eyes(face, closed[draw.integers(len(closed))], places))
        parts[2].append(with_eyes(face, opened[draw.integers(len(opened))], places))
    plain, with_closed, with_opened = (np.stack(part) for part in parts)
    np.savez_compressed(cache, plain=plain, closed=with_closed, opened=with_opened)


def with_eyes(face: Gray, eye: Gray, places: NDArray[np.floating]) -> Gray:
    """Blend `eye` over both eyes of `face`, mirrored over the second, in the face's own light and contrast.

    Args:
        face: uint8 (224, 224), aligned.
        eye: uint8 (80, 96).
        places: (2, 2), x and y of the two eyes in `face`.
    """
    width = round(EYE_WIDTH * float(places[1, 0] - places[0, 0]))
    height = round(width * eye.shape[0] / eye.shape[1])
    patch = np.asarray(cv2.resize(eye, (width, height), interpolation=cv2.INTER_AREA), np.float32)
    y, x = np.mgrid[:height, :width]
    distance = np.hypot((x - width / 2) / (width / 2), (y - height / 2) / (height / 2))
    alpha = np.clip((1 - distance) / 0.3, 0, 1).astype(np.float32)
    out = face.astype(np.float32)
    for (center_x, center_y), shown in zip(places, (patch, patch[:, ::-1]), strict=True):
        left, top = round(center_x - width / 2), round(center_y - height / 2)
        there = out[top : top + height, left : left + width]
        contrast = np.clip(there.std() / max(float(shown.std()), 1.0), 0.5, 1.5)
        fitted = (shown - shown.mean()) * contrast + there.mean()
        there += alpha * (fitted - there)
    return np.clip(out, 0, 255).astype(np.uint8)


def _pictures(archive: Path) -> dict[str, Gray]:
    with zipfile.ZipFile(archive) as stored:
        names = [name for name in stored.namelist() if name.lower().endswith((".jpg", ".png"))]
        return {
            name: np.asarray(cv2.imdecode(np.frombuffer(stored.read(name), np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)
            for name in names
        }
