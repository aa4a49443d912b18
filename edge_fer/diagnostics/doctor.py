"""Is everything that the daemon needs in place? One check after another, each with what to do.

Each check does what the daemon will do, through the same code, so that a pass means that the daemon will start.
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
from edge_fer.tflite.model import Model

FRAMES = 40
"""Looked at by the check of the picture: some seconds of a camera, at most this much of a file."""


class Verdict(Enum):
    """FAIL: the daemon will not do its work. WARN: it will, but look at this."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's outcome.

    Attributes:
        hint: What to do; empty where nothing needs doing.
        exit_code: Of the error behind a FAIL, else 0.
    """

    subject: str
    verdict: Verdict
    detail: str
    hint: str = ""
    exit_code: int = 0


def examine(config: Config) -> Iterator[Finding]:
    """All checks in order; each finding comes as soon as it is known."""
    yield _checked("models", lambda: _models(config))
    if config.identity.enabled:
        yield _checked("gallery", lambda: _gallery(config))
    yield _checked("broker", lambda: _broker(config))
    yield _checked("picture", lambda: _picture(config))


def _checked(subject: str, check: Callable[[], tuple[Verdict, str, str]]) -> Finding:
    try:
        return Finding(subject, *check())
    except EdgeFerError as error:
        return Finding(subject, Verdict.FAIL, error.message, error.hint, error.exit_code)


def _models(config: Config) -> tuple[Verdict, str, str]:
    loaded = building.build(config.model_copy(update={"identity": _without_gallery(config)})).models
    return Verdict.OK, ", ".join(model.manifest.short_id for model in loaded), ""


def _without_gallery(config: Config) -> object:
    """The identity section with a gallery that does not exist: that is the next check's business."""
    nowhere = config.identity.gallery.with_name(f"none-{secrets.token_hex(8)}")
    return config.identity.model_copy(update={"gallery": nowhere})


def _gallery(config: Config) -> tuple[Verdict, str, str]:
    manifest = Model(config.models.dir / config.models.identity).manifest
    people = galleries.load(config.identity.gallery, manifest).photo_counts()
    if not people:
        return Verdict.WARN, f"{config.identity.gallery}: nobody is enrolled", "enroll people with 'edge-fer enroll'"
    return Verdict.OK, f"{len(people)} people from {sum(people.values())} photos", ""


def _broker(config: Config) -> tuple[Verdict, str, str]:
    broker = BrokerClient(config.mqtt)
    connection = broker.connect(client_id=f"edge-fer-doctor-{secrets.token_hex(4)}")
    connection.disconnect()
    told = f"{broker.address} accepts us, MQTT {connection.protocol}"
    return Verdict.OK, told + (", TLS" if config.mqtt.tls else ", not encrypted"), ""


def _picture(config: Config) -> tuple[Verdict, str, str]:
    source = opening.open_source(config.camera)
    try:
        first = source.read()
        if first is None:
            return Verdict.FAIL, f"{config.camera.source}: holds no frame", "give another camera.source"
        size = f"{config.camera.source}: {first.width_px}×{first.height_px}"
        stages = building.build(config)
        faces, labels, spent_s = _watch(stages, source)
    finally:
        source.close()
    told = f"{size}, {spent_s * 1e3:.1f} ms a frame, {faces} faces at most"
    if not faces:
        return Verdict.WARN, told, "let somebody stand before the camera, in the light, and try again"
    if labels and len(labels) == 1 and labels.total() > FRAMES:
        (label,) = labels
        return Verdict.WARN, f"{told}; all of them {label}", "check light and focus, and that models.emotion is right"
    if spent_s > config.pipeline.cpu_budget / config.pipeline.target_fps:
        return Verdict.WARN, told, "lower pipeline.target_fps or raise detector.min_face_px; see docs/performance.md"
    return Verdict.OK, told + (f"; {', '.join(sorted(labels))}" if labels else ""), ""


def _watch(stages: Pipeline, source: base.Source) -> tuple[int, Counter[str], float]:
    """Most faces at once, labels given, mean seconds a frame."""
    faces, labels, spent_s, frames = 0, Counter[str](), 0.0, 0
    while frames < FRAMES and (frame := source.read()) is not None:
        seen = [face for face in stages.process(frame) if face.track.state is TrackState.CONFIRMED]
        faces = max(faces, len(seen))
        labels.update(str(face.emotion.label) for face in seen if face.emotion.state is EmotionState.OK)
        spent_s += stages.timings.total_s
        frames += 1
    return faces, labels, spent_s / max(frames, 1)
