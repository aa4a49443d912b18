"""Calls each stage once through `sys.call_tracing`, where callgrind counts; see `benchmarks.instructions`."""

from __future__ import annotations

import datetime
import itertools
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_fer.config import loading, schema
from edge_fer.domain.faces import Frame
from edge_fer.emotion.classifier import EmotionClassifier
from edge_fer.identity.embedder import Embedder
from edge_fer.pipeline import building
from edge_fer.tflite.model import Model
from edge_fer.vision.mtcnn import Mtcnn

FACES = (1, 4, 10)
STAGES = (
    *(f"search, faces: {faces}" for faces in FACES),
    "follow 4 faces",
    "the same with tracks and quality",
    "identity of 1 face",
    "emotion of 1 face",
)

_FRAMES_TO_CONFIRM = 6
_EPOCH = datetime.datetime.fromtimestamp(0, datetime.timezone.utc)


def main(folder: str) -> None:
    """Call every stage twice, the second time watched.

    Args:
        folder: Holds N.npy, a frame with N faces, for each of FACES.
    """
    cv2.setNumThreads(1)
    stages = _stages({faces: np.load(Path(folder) / f"{faces}.npy") for faces in FACES})
    for name in STAGES:
        stages[name]()
        sys.call_tracing(stages[name], ())


def _stages(frames: Mapping[int, NDArray[np.uint8]]) -> Mapping[str, Callable[[], object]]:
    detector = Mtcnn(schema.DEFAULT_MODELS, schema.DetectorConfig())
    found = detector.detect(frames[4])
    expected = [face.box for face in found]

    def search(faces: int) -> Callable[[], object]:
        return lambda: detector.detect(frames[faces])

    settings, landmarks = schema.Config(), found[0].landmarks
    embedder = Embedder(Model(settings.models.dir / settings.models.identity))
    classifier = EmotionClassifier(Model(settings.models.dir / settings.models.emotion), settings.emotion)
    rest = (
        lambda: detector.follow(frames[4], expected),
        _following(frames[4]),
        lambda: embedder.embed(frames[4], landmarks),
        lambda: classifier.classify(frames[4], landmarks),
    )
    return dict(zip(STAGES, (*map(search, FACES), *rest), strict=True))


def _following(rgb: NDArray[np.uint8]) -> Callable[[], object]:
    """The pipeline with detection and tracking only, between two searches, when it believes in all faces."""
    flags = {"models.threads": 1, "identity.enabled": False, "emotion.enabled": False}
    running = building.build(loading.load(None, {**flags, "detector.search_interval_s": 10}))
    numbers = itertools.count()

    def step() -> object:
        seq = next(numbers)
        return running.process(Frame(rgb, seq, seq / 15, _EPOCH))

    for _ in range(_FRAMES_TO_CONFIRM):
        step()
    return step


if __name__ == "__main__":
    main(*sys.argv[1:])
