"""The clip once more through the same pipeline, in this process: measured against the truth, and drawn to look at."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_fer.config.schema import Config
from edge_fer.demo.measure import Measurement
from edge_fer.domain.faces import EmotionState, IdentityState, Observation
from edge_fer.errors import CameraError
from edge_fer.pipeline import building
from edge_fer.preview import overlay
from edge_fer.samples import scene
from edge_fer.samples.clip import Progress, Writer
from edge_fer.sources import opening


def replay(config: Config, folder: Path, progress: Progress) -> Measurement:
    """Process every frame of the clip; write annotated.mp4 and annotated.png into `folder`.

    Raises:
        EdgeFerError: As `pipeline.build` and `camera.open_source`.
    """
    process = building.build(config)
    source = opening.open_source(config.camera)
    measured = Measurement()
    best: tuple[float, NDArray[np.uint8] | None] = (-1.0, None)
    try:
        with Writer(folder / "annotated.mp4", fourcc="mp4v") as video:
            for frame in iter(source.read, None):
                observations = process.process(frame)
                measured.add(frame.seq, scene.truth(frame.seq), observations, process.timings)
                drawn = overlay.overlay(frame.rgb, observations)
                video.write(drawn)
                best = max(best, (_telling(observations), drawn), key=lambda pair: pair[0])
                progress(frame.seq + 1, scene.FRAMES)
    finally:
        source.close()
    if best[1] is None:
        raise CameraError(f"{config.camera.source}: holds no frame", "delete it and run the demo again")
    cv2.imwrite(str(folder / "annotated.png"), cv2.cvtColor(best[1], cv2.COLOR_RGB2BGR))
    return measured


def _telling(observations: tuple[Observation, ...]) -> float:
    """How much a picture shows: names and emotions of whole faces first, then their size."""
    seen = [observation for observation in observations if observation.track.detection and _is_whole(observation)]
    known = sum(observation.identity.state is IdentityState.KNOWN for observation in seen)
    felt = sum(observation.emotion.state is EmotionState.OK for observation in seen)
    smallest_px = min((observation.track.box.height for observation in seen), default=0.0)
    return known * 10 + felt + smallest_px / scene.HEIGHT_PX


def _is_whole(observation: Observation) -> bool:
    box = observation.track.box
    return box.x1 >= 0 and box.y1 >= 0 and box.x2 <= scene.WIDTH_PX and box.y2 <= scene.HEIGHT_PX
