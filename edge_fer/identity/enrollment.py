"""Photos of a person → embeddings in the gallery. Either all photos are enrolled or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_fer.config.schema import Config
from edge_fer.domain.faces import Detection, Quality
from edge_fer.errors import ConfigError, EnrollError
from edge_fer.identity import gallery as galleries
from edge_fer.identity.embedder import Embedder
from edge_fer.identity.gallery import Embedding
from edge_fer.tflite.model import Model
from edge_fer.vision import quality
from edge_fer.vision.mtcnn import Mtcnn

_MAX_SIDE_PX = 1280
"""Larger photos are scaled down: finding a face in 12 megapixels takes a Raspberry Pi seconds and gains nothing."""


@dataclass(frozen=True, slots=True)
class EnrolledPhoto:
    """One photo that was enrolled, and how good its face is."""

    path: Path
    quality: Quality


def enroll(config: Config, subject: str, photos: Sequence[Path]) -> tuple[EnrolledPhoto, ...]:
    """Add the faces in `photos` to the gallery as `subject`.

    Raises:
        EnrollError: A photo cannot be read, or shows no face, several faces, or a face of too low quality.
        GalleryError: The gallery is damaged, belongs to another model or cannot be written; or the name cannot be used.
        ConfigError: Identity is disabled.
        ModelError: A model is missing or changed.
    """
    if not config.identity.enabled:
        raise ConfigError("identity.enabled: is false, so nobody can be enrolled", "set it to true in config.yaml")
    detector = Mtcnn(config.models.dir, config.detector, threads=config.models.thread_count)
    embedder = Embedder(Model(config.models.dir / config.models.identity, threads=config.models.thread_count))
    gallery = galleries.load(config.identity.gallery, embedder.model.manifest)
    enrolled: list[EnrolledPhoto] = []
    embeddings: list[Embedding] = []
    for path in photos:
        rgb = read_photo(path)
        detection = _only_face(path, detector.detect(rgb))
        measured = quality.assess(detection, quality.sharpness(rgb, detection.box))
        rejection_reason = quality.rejection_reason(measured, config.quality)
        if rejection_reason:
            raise EnrollError(
                f"{path}: face quality too low to enroll: {rejection_reason}", "take a sharp photo from the front"
            )
        embeddings.append(embedder.embed(rgb, detection.landmarks))
        enrolled.append(EnrolledPhoto(path, measured))
    galleries.save(gallery.enrolled(subject, np.stack(embeddings)), config.identity.gallery)
    return tuple(enrolled)


def read_photo(path: Path) -> NDArray[np.uint8]:
    """Read a photo as uint8 (H, W, 3), RGB, rotated as its EXIF data says, its longer side at most 1280 px.

    Raises:
        EnrollError: No such file, or not an image.
    """
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise EnrollError(f"{path}: {error.strerror}", "give the path of a photo") from error
    bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if bgr is None:
        raise EnrollError(f"{path}: not a readable image", "use a JPEG or PNG file")
    scale = _MAX_SIDE_PX / max(bgr.shape[:2])
    if scale < 1:
        bgr = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _only_face(path: Path, detections: Sequence[Detection]) -> Detection:
    if not detections:
        raise EnrollError(
            f"{path}: no face found", "use a photo that shows the whole face, from the front, in good light"
        )
    if len(detections) > 1:
        raise EnrollError(f"{path}: {len(detections)} faces found", "crop the photo so that it shows only this person")
    return detections[0]
