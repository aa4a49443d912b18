"""Checks everything that the daemon needs, one part after another, and says what to do about each problem.

Each check runs the daemon's own code, so that a pass means that the daemon will start.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from edge_fer.config.schema import Config
from edge_fer.domain.faces import EmotionState, TrackState
from edge_fer.errors import EdgeFerError
from edge_fer.identity import gallery as galleries
from edge_fer.mqtt.connection import BrokerClient
from edge_fer.pipeline import building
from edge_fer.pipeline.pipeline import Pipeline
from edge_fer.sources import base, opening
from edge_fer.tflite import manifest as manifests

FRAMES = 40
"""Number of frames that the check of the picture processes: some seconds of a camera."""


class Result(Enum):
    """FAIL: the daemon cannot do its work. WARN: it can, but something needs attention."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    Attributes:
        hint: What to do; empty where nothing needs to be done.
        exit_code: Of the error behind a FAIL, else 0.
    """

    subject: str
    result: Result
    detail: str
    hint: str = ""
    exit_code: int = 0


def run_checks(config: Config) -> Iterator[Finding]:
    """Run all checks in order; each finding is given as soon as it is known."""
    yield _run_check("models", lambda: _models(config))
    if config.identity.enabled:
        yield _run_check("gallery", lambda: _gallery(config))
    yield _run_check("broker", lambda: _broker(config))
    yield _run_check("picture", lambda: _picture(config))


def _run_check(subject: str, check: Callable[[], tuple[Result, str, str]]) -> Finding:
    try:
        return Finding(subject, *check())
    except EdgeFerError as error:
        return Finding(subject, Result.FAIL, error.message, error.hint, error.exit_code)


def _models(config: Config) -> tuple[Result, str, str]:
    models = building.build_without_gallery(config).models
    return Result.OK, ", ".join(model.manifest.short_id for model in models), ""


def _gallery(config: Config) -> tuple[Result, str, str]:
    manifest = manifests.load(config.models.dir / config.models.identity)
    people = galleries.load(config.identity.gallery, manifest).photo_counts()
    if not people:
        return Result.WARN, f"{config.identity.gallery}: nobody is enrolled", "enroll people with 'edge-fer enroll'"
    return Result.OK, f"people: {len(people)}, photos: {sum(people.values())}", ""


def _broker(config: Config) -> tuple[Result, str, str]:
    broker = BrokerClient(config.mqtt)
    connection = broker.connect(client_id=f"edge-fer-doctor-{secrets.token_hex(4)}")
    connection.disconnect()
    encryption = "TLS" if config.mqtt.tls else "not encrypted"
    return Result.OK, f"connected to {broker.address}, MQTT {connection.protocol}, {encryption}", ""


def _picture(config: Config) -> tuple[Result, str, str]:
    source = opening.open_source(config.camera)
    try:
        first = source.read()
        if first is None:
            return Result.FAIL, f"{config.camera.source}: contains no frame", "set camera.source to another file"
        size = f"{config.camera.source}: {first.width_px}×{first.height_px}"
        faces, labels, mean_s = _process(building.build(config), source)
    finally:
        source.close()
    detail = f"{size}, {mean_s * 1e3:.1f} ms per frame, at most {faces} faces at once"
    if not faces:
        return Result.WARN, detail, "put a face in front of the camera, in good light, and try again"
    if labels and len(labels) == 1 and labels.total() > FRAMES:
        (label,) = labels
        return Result.WARN, f"{detail}; all of them {label}", "check light and focus, and models.emotion"
    if mean_s > config.pipeline.cpu_budget / config.pipeline.target_fps:
        return Result.WARN, detail, "lower pipeline.target_fps or raise detector.min_face_px; see docs/performance.md"
    return Result.OK, detail + (f"; {', '.join(sorted(labels))}" if labels else ""), ""


def _process(pipeline: Pipeline, source: base.Source) -> tuple[int, Counter[str], float]:
    """Most faces at once, the labels given, mean seconds per frame."""
    most_faces, labels, total_s, frames = 0, Counter[str](), 0.0, 0
    while frames < FRAMES and (frame := source.read()) is not None:
        faces = [face for face in pipeline.process(frame) if face.track.state is TrackState.CONFIRMED]
        most_faces = max(most_faces, len(faces))
        labels.update(str(face.emotion.label) for face in faces if face.emotion.state is EmotionState.OK)
        total_s += pipeline.timings.total_s
        frames += 1
    return most_faces, labels, total_s / max(frames, 1)
