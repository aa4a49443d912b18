"""MTCNN is judged as a cascade: the same faces, and no more jitter than a camera that moves by one pixel."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from converters import parity, photos, tflite
from converters.calibration import shipped_pictures
from converters.network import Network
from converters.progress import track
from converters.trials import Batch, Verdict
from edge_fer.config.schema import DetectorConfig
from edge_fer.domain.faces import Detection
from edge_fer.domain.geometry import Box, Landmarks
from edge_fer.tflite import manifest as manifests
from edge_fer.tflite.manifest import Manifest, Quantization
from edge_fer.vision import mtcnn, pyramid

Picture = NDArray[np.uint8]

SIDES = {"rnet": mtcnn.R_NET_PX, "onet": mtcnn.O_NET_PX}


@dataclass(eq=False)
class DetectorTrial:
    """Pictures with faces.

    Args:
        place: Folder or zip of photos; None for the portraits that ship.
        most: Use at most so many.
    """

    place: Path | None
    most: int

    def __post_init__(self) -> None:
        source = shipped_pictures() if self.place is None else photos.read_all(self.place)
        self.pictures: tuple[Picture, ...] = tuple(rgb for _, rgb in islice(source, self.most))
        self.origin = self.place.name if self.place else "portraits that ship"
        self.probe_count = len(self.pictures)

    def samples(self, network: Network) -> Sequence[Batch]:
        """Pyramids for P-Net; for the others windows on faces, off them by little, and off them by far."""
        if network.stem == "pnet":
            return [_canvas(rgb)[None] for rgb in self.pictures[:100]]
        draw = np.random.default_rng(0)
        return [window[None] for rgb in self.pictures[:100] for window in _windows(rgb, SIDES[network.stem], draw)]

    def verdict(self, networks: Sequence[Network], folder: Path) -> Verdict:
        with tempfile.TemporaryDirectory() as name:
            reference = Path(name)
            write_float(networks, reference)
            original = detect_all(self.pictures, reference, "float")
            moved = [_moved(rgb) for rgb in self.pictures]
            shifted = [_back(faces) for faces in detect_all(moved, reference, "float, moved by a pixel")]
        converted = detect_all(self.pictures, folder, "converted")
        return Verdict(parity.detector(parity.jitter(original, converted), parity.jitter(original, shifted)))


def detect_all(
    pictures: Iterable[Picture], folder: Path, what: str, config: DetectorConfig | None = None
) -> list[tuple[Detection, ...]]:
    """Faces of each picture, by the cascade in `folder`."""
    cascade = mtcnn.Mtcnn(folder, config or DetectorConfig())
    return [cascade.detect(rgb) for rgb in track(pictures, f"cascade: {what}")]


def write_float(networks: Sequence[Network], folder: Path) -> None:
    """Write the networks in float32 into `folder`, with manifests."""
    for network in networks:
        path = folder / f"{network.stem}.tflite"
        path.write_bytes(tflite.convert(replace(network, scheme="float32")))
        manifests.write(
            Manifest(
                name=network.name,
                task=network.task,
                file=path.name,
                sha256=manifests.sha256_of(path),
                size_bytes=path.stat().st_size,
                source=network.source,
                input=network.input,
                output=network.output,
                quantization=Quantization(scheme="float32", calibration_count=0),
                converter="reference",
                made_by="reference",
            ),
            path,
        )


def _canvas(rgb: Picture) -> Picture:
    height, width = rgb.shape[:2]
    config = DetectorConfig()
    layout = pyramid.plan(width, height, config.min_face_px, config.scale_factor)
    canvas = np.full((layout.height_px, layout.width_px, 3), pyramid.EMPTY, np.uint8)
    pyramid.fill_canvas(canvas, layout, pyramid.ImagePyramid(rgb))
    return canvas


def _windows(rgb: Picture, side_px: int, draw: np.random.Generator) -> Picture:
    """Eight square windows around the middle, where these photos have their face."""
    height, width = rgb.shape[:2]
    sides = min(height, width) * draw.uniform(0.2, 0.8, 8)
    center = np.array((width, height)) / 2 + draw.normal(0, 0.1, (8, 2)) * (width, height)
    corner = center - sides[:, None] / 2
    squares = np.concatenate((corner, corner + sides[:, None]), axis=1).astype(np.float32)
    return mtcnn.crops(pyramid.ImagePyramid(rgb), squares, side_px)


def _moved(rgb: Picture) -> Picture:
    """One pixel to the right and down."""
    return np.asarray(cv2.copyMakeBorder(rgb, 1, 0, 1, 0, cv2.BORDER_REPLICATE)[:-1, :-1])


def _back(faces: Sequence[Detection]) -> tuple[Detection, ...]:
    return tuple(
        Detection(_shifted(face.box), face.score, Landmarks.from_array(face.landmarks.array() - 1)) for face in faces
    )


def _shifted(box: Box) -> Box:
    return box.moved(-1, -1)
