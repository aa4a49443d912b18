"""Does the run time's crop mean what training's did? ``python -m converters.training.margins``.

FER2013's valid pictures are tripled and padded to stand for photos, our detector finds the face, edge_fer.align cuts it
with more or less around it, and the network answers. The top of the curve must be near 1, and detecting and turning the
face level must cost little against the pictures as they are.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import numpy as np
from numpy.typing import NDArray

from converters.training import faces, measure, tired
from converters.training.labels import BASIC
from edge_fer.config.schema import DetectorConfig
from edge_fer.domain.geometry import Landmarks
from edge_fer.errors import EdgeFerError
from edge_fer.vision.alignment import align
from edge_fer.vision.mtcnn import Mtcnn

log = logging.getLogger(__name__)

MARGINS = (0.8, 0.9, 1.0, 1.1, 1.2, 1.35)
_ENLARGED, _BORDER_PX = 3, 48


def photo(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A 48 px face as a 240 px gray picture with room around it: tripled, and padded with its own border."""
    side = image.shape[0] * _ENLARGED
    large = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.copyMakeBorder(large, *(_BORDER_PX,) * 4, cv2.BORDER_REPLICATE), np.uint8)


def found(photos: Sequence[NDArray[np.uint8]], models: Path) -> list[Landmarks | None]:
    """Landmarks of the largest face of each photo, None where there is none."""
    detector = Mtcnn(models, DetectorConfig())
    detections = [detector.detect(np.repeat(gray[..., None], 3, axis=2)) for gray in photos]
    return [max(some, key=lambda face: face.box.width).landmarks if some else None for some in detections]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m converters.training.margins", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--model", type=Path, default=Path("models/emotion_arch.h5"))
    parser.add_argument("--detector", type=Path, default=Path("models"), help="holds the face detector")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        valid = faces.load(options.data / "fer2013" / "valid.npz")
        answers = measure.keras_answers(options.model)
        photos = [photo(image) for image in valid.images]
        landmarks = found(photos, options.detector)
    except EdgeFerError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    usable = np.array([points is not None for points in landmarks])
    log.info("face found in %d of %d", usable.sum(), len(usable))
    truth = valid.label7[usable]
    log.info("as they are   %.4f", _accuracy(answers(measure.crops_of(list(valid.images[usable]))), truth))
    pairs = [(gray, points) for gray, points in zip(photos, landmarks, strict=True) if points is not None]
    for margin in MARGINS:
        template = tired.crop_template(margin)
        crops = np.stack([align(gray, points, template) for gray, points in pairs])
        log.info("margin %.2f   %.4f", margin, _accuracy(answers(crops), truth))
    return 0


def _accuracy(logits: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    return float((logits[:, : len(BASIC)].argmax(axis=1) == truth).mean())


if __name__ == "__main__":
    sys.exit(main())
