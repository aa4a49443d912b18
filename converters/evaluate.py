"""How well the shipped detector does on real photos, against its float self and against the package ``mtcnn``.

    python -m converters.evaluate --data DATA [--models models] [--write]

DATA holds lfw/calibration.zip, lfw/images.zip and faces/ (a folder of photos, with ivan.jpg among them). What the
identity and emotion models do on labeled data is measured when they are converted (--pairs, --labeled).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from converters import card, mtcnn, mtcnn_files, parity, photos
from converters.conversion import QUALITY_NOTE
from converters.detector_trial import detect_all, write_float
from converters.progress import track
from edge_fer.config.schema import DetectorConfig
from edge_fer.domain.faces import Detection
from edge_fer.domain.geometry import Box, Landmarks
from edge_fer.tflite import manifest as manifests

Picture = NDArray[np.uint8]

REFERENCE = "ivan.jpg"
"""The photo of the package's own README."""

LIKE_THE_PACKAGE = DetectorConfig(min_face_px=20)
"""The package's own smallest face; ours is twice that."""

_LFW_PHOTOS = 1000


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and with --write put the figures into the manifests and cards."""
    parser = argparse.ArgumentParser(description="Measure the shipped detector on real photos.")
    parser.add_argument("--data", type=Path, required=True, help="folder with lfw/ and faces/")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of the models (default: models)")
    parser.add_argument("--write", action="store_true", help="put the figures into manifests, cards and the table")
    args = parser.parse_args(argv)
    figures = detector_figures(args.data, args.models)
    table = Table(title="the detector as shipped")
    for column in ("figure", "value"):
        table.add_column(column)
    for name, value in figures.items():
        table.add_row(name, f"{value:.5g}")
    Console().print(table)
    if args.write:
        write(figures, args.models)
    return 0


def detector_figures(data: Path, models: Path) -> dict[str, float]:
    """Shares of faces found again at IoU 0.5, and pixels on the reference photo.

    Raises:
        SourceError: Photos are missing.
    """
    lfw = [rgb for _, rgb in islice(photos.read_all(data / "lfw" / "images.zip"), _LFW_PHOTOS)]
    named = dict(photos.read_all(data / "faces"))
    group = list(named.values())
    with tempfile.TemporaryDirectory() as name:
        reference = Path(name)
        write_float(mtcnn.networks(mtcnn_files.read(None)), reference)
        on_lfw = parity.jitter(detect_all(lfw, reference, "float"), detect_all(lfw, models, "shipped"))
        on_group = parity.jitter(detect_all(group, reference, "float"), detect_all(group, models, "shipped"))
    theirs = package_faces(lfw + group)
    large = [tuple(face for face in faces if _side(face) >= DetectorConfig().min_face_px) for faces in theirs]
    against = parity.jitter(large, detect_all(lfw + group, models, "shipped"))
    against_all = parity.jitter(theirs, detect_all(lfw + group, models, "shipped, smallest faces", LIKE_THE_PACKAGE))
    box_px, points_px = reference_distance(named[REFERENCE], models)
    found = {
        "found_of_float_lfw": on_lfw.found,
        "float_faces_lfw": on_lfw.count,
        "found_of_float_groups": on_group.found,
        "float_faces_groups": on_group.count,
        "found_of_package": against.found,
        "package_faces": against.count,
        "found_of_package_from_20px": against_all.found,
        "package_faces_from_20px": against_all.count,
        "reference_box_px": box_px,
        "reference_landmarks_px": points_px,
    }
    return {name: round(float(value), 4) for name, value in found.items()}


def package_faces(pictures: Sequence[Picture]) -> list[tuple[Detection, ...]]:
    """What the package finds at its defaults."""
    from mtcnn import MTCNN  # noqa: PLC0415 (imports TensorFlow and builds three networks)

    package = MTCNN()
    return [
        tuple(_detection(row) for row in package.detect_faces(rgb, output_type="numpy", box_format="xyxy"))
        for rgb in track(pictures, "the package mtcnn")
    ]


def _detection(row: NDArray[Any]) -> Detection:
    """Image number, box, score, five x, five y."""
    x1, y1, x2, y2, score = (float(value) for value in row[1:6])
    return Detection(Box(x1, y1, max(x1, x2), max(y1, y2)), score, Landmarks.from_array(row[6:16].reshape(2, 5).T))


def _side(face: Detection) -> float:
    return min(face.box.width, face.box.height)


def reference_distance(rgb: Picture, models: Path) -> tuple[float, float]:
    """Largest difference in pixels of box sides and of landmarks from the package, on the face it finds first."""
    (theirs, *_) = package_faces([rgb])[0]
    ours = detect_all([rgb], models, "reference photo")[0][0]
    box = np.abs(ours.box.xyxy() - theirs.box.xyxy()).max()
    points = np.linalg.norm(ours.landmarks.array() - theirs.landmarks.array(), axis=1).max()
    return float(box), float(points)


def write(figures: dict[str, float], models: Path) -> None:
    """Put the figures into the three manifests and cards.

    Raises:
        ModelError: A model or manifest is missing or does not fit.
    """
    for stem in mtcnn.STAGES:
        path = models / f"{stem}.tflite"
        note = f"{QUALITY_NOTE}the whole cascade, by python -m converters.evaluate"
        manifest = manifests.load(path)
        notes = (*(old for old in manifest.notes if old != note), note)
        manifest = manifest.model_copy(update={"quality": figures, "notes": notes})
        manifests.write(manifest, path)
        card.write(manifest, path.with_suffix(".md"))
    card.write_table(models)


if __name__ == "__main__":
    sys.exit(main())
