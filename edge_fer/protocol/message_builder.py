"""Domain → messages: which value stands in which field of docs/mqtt.md, and how it is rounded."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from edge_fer import __version__
from edge_fer.config.schema import Config
from edge_fer.domain.events import EmotionEvent, Event, FaceEvent, Gap, SystemEvent, SystemEventType
from edge_fer.domain.faces import Emotion, Identity, Quality
from edge_fer.domain.health import CameraState, HealthReport, OutboxReadings
from edge_fer.protocol.clock import clock_synced, iso_utc, ulid
from edge_fer.protocol.messages import EVENT_EXPIRY_S, Message
from edge_fer.protocol.topics import Topics
from edge_fer.tflite.manifest import Manifest

Fields = dict[str, Any]


class MessageBuilder:
    """Builds the messages of one run of one device; thread-safe, for it keeps no state but its boot id.

    `seq` and `replayed` belong to an event's place in the stream: the outbox adds them when it is sent.

    Args:
        topics: Of this device.
        models: Manifest of each model in use by task; events carry those of "identity" and "emotion".
        is_synced: Whether the wall clock can be believed.
        now: Wall clock, time zone aware.
    """

    def __init__(
        self,
        topics: Topics,
        models: Mapping[str, Manifest],
        *,
        is_synced: Callable[[], bool] = clock_synced,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self.topics = topics
        self.boot_id = str(uuid.uuid4())
        self._models = dict(models)
        self._is_synced = is_synced
        self._now = now

    def event(self, event: Event, *, latency_ms: float | None = None) -> Message:
        """The message of an event, without `seq` and `replayed`.

        Args:
            latency_ms: From capture to now; None for a file, whose frames have no capture.
        """
        if isinstance(event, FaceEvent):
            topic, fields = self.topics.face, self._face(event, latency_ms)
        elif isinstance(event, EmotionEvent):
            topic, fields = self.topics.emotion, self._emotion(event, latency_ms)
        else:
            topic, fields = self.topics.system, self._system(event)
        return Message(topic, fields, expiry_s=EVENT_EXPIRY_S)

    def gap(self, gap: Gap) -> Message:
        """The system event that reports dropped events."""
        detail = f"{gap.dropped} events were dropped while the broker was away"
        return self.event(SystemEvent(SystemEventType.GAP, self._now(), detail, gap))

    def status(self, config: Config, *, camera_state: CameraState) -> Message:
        """Retained: what this device is and runs. It names no person."""
        fields = {
            **self._head("status", self._now()),
            "version": __version__,
            "schemas": [f"edge_fer.{name}/1" for name in ("face", "emotion", "system", "health")],
            "models": {task: {"name": model.name, "sha256": model.sha256} for task, model in self._models.items()},
            "camera": {"source": config.camera.source, "state": camera_state},
            "identity_enabled": config.identity.enabled,
            "emotion_enabled": config.emotion.enabled,
            "tls": config.mqtt.tls,
            "insecure_plaintext": config.mqtt.insecure_plaintext,
        }
        return Message(self.topics.status, fields, retain=True)

    def health(
        self,
        report: HealthReport,
        *,
        uptime_s: float,
        camera_state: CameraState,
        frames_dropped: int,
        outbox: OutboxReadings,
    ) -> Message:
        """How the device is; QoS 0, for the next one follows soon."""
        fields = {
            **self._head("health", self._now()),
            "uptime_s": _rounded(uptime_s, 0),
            "camera": camera_state,
            "fps": _rounded(report.fps, 2),
            "frames": report.frames,
            "frames_dropped": frames_dropped,
            "frame_age_s": _rounded(report.frame_age_s, 2),
            "faces": report.faces,
            "latency_ms": {"p50": _rounded(report.latency_p50_ms, 1), "p95": _rounded(report.latency_p95_ms, 1)},
            "rss_mb": _rounded(report.rss_bytes / 1e6, 1),
            "temperature_c": _rounded(report.temperature_c, 1),
            "throttled": report.throttled,
            "emotion_age_s": _rounded(report.emotion_age_s, 2),
            "degradations": list(report.degradations),
            "warnings": list(report.warnings),
            "outbox": dict(outbox),
        }
        return Message(self.topics.health, fields, qos=0)

    def _head(self, schema: str, at: datetime) -> Fields:
        return {
            "schema": f"edge_fer.{schema}/1",
            "site": self.topics.site,
            "device": self.topics.device,
            "boot_id": self.boot_id,
            "ts": iso_utc(at),
            "clock_synced": self._is_synced(),
        }

    def _event_head(self, schema: str, event: Event) -> Fields:
        return {**self._head(schema, event.at), "id": ulid(), "type": event.type.value}

    def _face(self, event: FaceEvent, latency_ms: float | None) -> Fields:
        return {
            **self._event_head("face", event),
            "track": f"t-{event.track_id}",
            "box": [_rounded(share, 4) for share in event.box],
            "quality": _quality(event.quality),
            "identity": _identity(event.identity),
            "emotion": _emotion(event.emotion),
            "models": self._model_ids(),
            "latency_ms": _rounded(latency_ms, 1),
        }

    def _emotion(self, event: EmotionEvent, latency_ms: float | None) -> Fields:
        return {
            **self._event_head("emotion", event),
            "track": f"t-{event.track_id}",
            "identity": _identity(event.identity),
            "emotion": _emotion(event.emotion),
            "models": self._model_ids(),
            "latency_ms": _rounded(latency_ms, 1),
        }

    def _system(self, event: SystemEvent) -> Fields:
        return {**self._event_head("system", event), "detail": event.detail, "gap": _gap(event.gap)}

    def _model_ids(self) -> dict[str, str]:
        return {task: self._models[task].short_id for task in ("identity", "emotion") if task in self._models}


def _quality(quality: Quality | None) -> Fields | None:
    if quality is None:
        return None
    return {
        "face_px": _rounded(quality.face_px, 0),
        "sharpness": _rounded(quality.sharpness, 3),
        "yaw_deg": _rounded(quality.yaw_deg, 0),
    }


def _identity(identity: Identity) -> Fields:
    return {
        "state": identity.state.value,
        "subject": identity.subject,
        "similarity": _rounded(identity.similarity, 4),
        "margin": _rounded(identity.margin, 4),
        "votes": identity.votes,
    }


def _emotion(emotion: Emotion) -> Fields:
    return {
        "state": emotion.state.value,
        "label": emotion.label,
        "scores": {label: _rounded(score, 4) for label, score in emotion.scores.items()},
        "window_s": emotion.window_s,
        "reason": emotion.reason,
    }


def _gap(gap: Gap | None) -> Fields | None:
    return None if gap is None else {"dropped": gap.dropped, "first_seq": gap.first_seq, "last_seq": gap.last_seq}


def _rounded(value: float | None, digits: int) -> float | None:
    """NaN stays NaN and is refused where the message is encoded, not here in the caller's thread."""
    return None if value is None else round(value, digits)
