"""Tired faces: yawns of drivers, cut by the detector of the run time, split by subject.

Yawning and not yawning frames of the same drivers are both trained on, so that a car, a belt or a window says nothing.
What a driver who does not yawn feels is not labeled: the elders say it (`emotion`), and
tired is zero there. Frames whose subject is unknown (213 of 1,155) could show a driver of the test part: left out.
"""

from __future__ import annotations

import csv
import logging
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from converters.training.augment import CROP_PX
from converters.training.faces import SPLIT_SEED
from edge_fer.config.schema import DetectorConfig
from edge_fer.errors import SourceError
from edge_fer.tflite.manifest import Crop
from edge_fer.vision.alignment import align
from edge_fer.vision.mtcnn import Mtcnn

log = logging.getLogger(__name__)

FER_LANDMARKS_48 = ((15.0, 18.2), (32.8, 18.2), (23.8, 28.5), (16.6, 37.2), (31.2, 37.2))
"""Where FER2013's framing has our detector's five points, in its 48 px: medians over the 2,595 of 3,000 pictures of
train in which it found a face (tripled in size, padded by a third), made level. docs/emotion.md has the margins."""

HELD_OUT = 0.3
"""Part of the subjects whose frames are never trained on."""

TUNING = 0.35
"""Part of those on whom tired's threshold is set; the others are the test."""


def crop_template(margin: float = 1.0) -> Crop:
    """The crop of the emotion network: 224 px, framed as FER2013.

    Args:
        margin: Above 1 shows more around the face.
    """
    points = np.asarray(FER_LANDMARKS_48) + 0.5  # pixel centers: x₂₂₄ = (x₄₈ + ½) · 224 / 48 − ½
    points = (points - 24) / margin + 24
    placed = np.round(points * (CROP_PX / 48) - 0.5, 1).tolist()
    return Crop.model_validate({"size_px": (CROP_PX, CROP_PX), "landmarks": placed})


@dataclass(frozen=True)
class Drivers:
    """Driver faces.

    Attributes:
        crops: uint8 (n, 224, 224), gray, aligned.
        yawns: bool (n,).
        subject: str (n,).
        names: str (n,), the file in yawn_frames.zip.
    """

    crops: NDArray[np.uint8]
    yawns: NDArray[np.bool_]
    subject: NDArray[np.str_]
    names: NDArray[np.str_]

    def rows(self, which: NDArray[np.bool_]) -> Drivers:
        """The rows where `which` (bool (n,)) is true."""
        return Drivers(self.crops[which], self.yawns[which], self.subject[which], self.names[which])


def load(data: Path, models: Path, cache: Path) -> Drivers:
    """Faces of all frames with a known subject; detected once, then kept in `cache` (.npz).

    Args:
        data: Holds tired/yawn_frames.zip and .csv.
        models: Holds the detector's networks.
        cache: Written when absent.

    Raises:
        SourceError: The archive is missing or damaged, or the cache is damaged.
    """
    if not cache.is_file():
        _cut(data / "tired", models, cache)
    try:
        with cache.open("rb") as file, np.load(file) as stored:
            return Drivers(stored["crops"], stored["yawns"], stored["subject"], stored["names"])
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise SourceError(f"{cache}: {error}", "delete it: it is made again from tired/yawn_frames.zip") from error


def split(drivers: Drivers) -> tuple[Drivers, Drivers, Drivers]:
    """(fit, tuning, test), without a subject in common. The same in every run."""
    subjects = np.unique(drivers.subject)
    held_out = np.random.default_rng(SPLIT_SEED).permutation(subjects)[: round(len(subjects) * HELD_OUT)]
    tuning, test = np.split(held_out, [round(len(held_out) * TUNING)])
    seen = ~np.isin(drivers.subject, held_out)
    return (
        drivers.rows(seen),
        drivers.rows(np.isin(drivers.subject, tuning)),
        drivers.rows(np.isin(drivers.subject, test)),
    )


def _cut(folder: Path, models: Path, cache: Path) -> None:
    detector, template = Mtcnn(models, DetectorConfig()), crop_template()
    crops, yawns, subject, names = [], [], [], []
    try:
        with (folder / "yawn_frames.csv").open() as file, zipfile.ZipFile(folder / "yawn_frames.zip") as frames:
            for row in csv.DictReader(file):
                if not row["subject"]:
                    continue
                stored = np.frombuffer(frames.read(row["file"]), np.uint8)
                frame = np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR), np.uint8)
                faces = detector.detect(np.ascontiguousarray(frame[..., ::-1]))
                if not faces:
                    continue
                gray = np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.uint8)
                crops.append(align(gray, max(faces, key=lambda face: face.box.width).landmarks, template))
                yawns.append(row["label"] == "yawn")
                subject.append(row["subject"])
                names.append(row["file"])
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise SourceError(f"{folder}: {error}", "give --data the folder that holds tired/yawn_frames.zip") from error
    log.info("%d driver faces, %d of them yawning", len(crops), sum(yawns))
    np.savez_compressed(
        cache, crops=np.stack(crops), yawns=np.array(yawns), subject=np.array(subject), names=np.array(names)
    )
