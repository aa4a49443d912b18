"""Events, status and health → the JSON that a server receives, as docs/mqtt.md and the schemas describe it.

`seq` and `replayed` of an event belong to the stream and not to the event: the outbox adds them.
"""

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


class Payloads:
    """Builds the messages of one run of one device; thread-safe, for it keeps no state but its boot id.

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
        is_synced: Callable[[], bool] | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self.topics = topics
        self.boot_id = str(uuid.uuid4())
        self._models = dict(models)
        self._is_synced = is_synced or clock_synced
        self._now = now or (lambda: datetime.now(timezone.utc))

    def event(self, event: Event, *, latency_ms: float | None = None) -> Message:
        """The message of an event.

        Args:
            latency_ms: From capture to now; None for a file, whose frames have no capture.
        """
        if isinstance(event, FaceEvent):
            return self._event_message(self.topics.face, self._face(event, latency_ms))
        if isinstance(event, EmotionEvent):
            return self._event_message(self.topics.emotion, self._emotion(event, latency_ms))
        return self._event_message(self.topics.system, self._system(event))

    def gap(self, gap: Gap) -> Message:
        """The system event that tells of dropped events."""
        detail = f"{gap.dropped} events were dropped while the broker was away"
        return self.event(SystemEvent(SystemEventType.GAP, self._now(), detail, gap))

    def status(self, config: Config, *, camera_state: CameraState) -> Message:
        """Retained: what this device is and runs. It names no person."""
        payload = {
            **self._head("status", self._now()),
            "version": __version__,
            "schemas": [f"edge_fer.{name}/1" for name in ("face", "emotion", "system", "health")],
            "models": {
                task: {"name": manifest.name, "sha256": manifest.sha256} for task, manifest in self._models.items()
            },
            "camera": {"source": config.camera.source, "state": camera_state},
            "identity_enabled": config.identity.enabled,
            "emotion_enabled": config.emotion.enabled,
            "tls": config.mqtt.tls,
            "insecure_plaintext": config.mqtt.insecure_plaintext,
        }
        return Message(self.topics.status, payload, retain=True)

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
        payload = {
            **self._head("health", self._now()),
            "uptime_s": round(uptime_s),
            "camera": camera_state,
            "fps": _rounded(report.fps, 2),
            "frames": report.frames,
            "frames_dropped": frames_dropped,
            "frame_age_s": _rounded(report.frame_age_s, 2),
            "faces": report.faces,
            "latency_ms": {"p50": _rounded(report.latency_p50_ms, 1), "p95": _rounded(report.latency_p95_ms, 1)},
            "rss_mb": round(report.rss_bytes / 1e6, 1),
            "temperature_c": _rounded(report.temperature_c, 1),
            "throttled": report.throttled,
            "emotion_age_s": _rounded(report.emotion_age_s, 2),
            "degradations": list(report.degradations),
            "warnings": list(report.warnings),
            "outbox": dict(outbox),
        }
        return Message(self.topics.health, payload, qos=0)

    def _head(self, schema: str, at: datetime) -> dict[str, Any]:
        return {
            "schema": f"edge_fer.{schema}/1",
            "site": self.topics.site,
            "device": self.topics.device,
            "boot_id": self.boot_id,
            "ts": iso_utc(at),
            "clock_synced": self._is_synced(),
        }

    def _event_head(self, schema: str, event: Event) -> dict[str, Any]:
        return {"id": ulid(), **self._head(schema, event.at), "type": event.type.value}

    def _face(self, event: FaceEvent, latency_ms: float | None) -> dict[str, Any]:
        return {
            **self._event_head("face", event),
            "track": f"t-{event.track_id}",
            "box": [round(share, 4) for share in event.box],
            "quality": _quality(event.quality),
            "identity": _identity(event.identity),
            "emotion": _emotion(event.emotion),
            "models": self._model_ids(),
            "latency_ms": _rounded(latency_ms, 1),
        }

    def _emotion(self, event: EmotionEvent, latency_ms: float | None) -> dict[str, Any]:
        return {
            **self._event_head("emotion", event),
            "track": f"t-{event.track_id}",
            "identity": _identity(event.identity),
            "emotion": _emotion(event.emotion),
            "models": self._model_ids(),
            "latency_ms": _rounded(latency_ms, 1),
        }

    def _system(self, event: SystemEvent) -> dict[str, Any]:
        gap = event.gap
        told = {"dropped": gap.dropped, "first_seq": gap.first_seq, "last_seq": gap.last_seq} if gap else None
        return {**self._event_head("system", event), "detail": event.detail, "gap": told}

    def _model_ids(self) -> dict[str, str]:
        return {task: self._models[task].short_id for task in ("identity", "emotion") if task in self._models}

    def _event_message(self, topic: str, payload: dict[str, Any]) -> Message:
        return Message(topic, payload, expiry_s=EVENT_EXPIRY_S)


def _quality(quality: Quality | None) -> dict[str, Any] | None:
    if quality is None:
        return None
    return {
        "face_px": round(quality.face_px),
        "sharpness": round(quality.sharpness, 3),
        "yaw_deg": round(quality.yaw_deg),
    }


def _identity(identity: Identity) -> dict[str, Any]:
    return {
        "state": identity.state.value,
        "subject": identity.subject,
        "similarity": _rounded(identity.similarity, 4),
        "margin": _rounded(identity.margin, 4),
        "votes": identity.votes,
    }


def _emotion(emotion: Emotion) -> dict[str, Any]:
    return {
        "state": emotion.state.value,
        "label": emotion.label,
        "scores": {label: round(score, 4) for label, score in emotion.scores.items()},
        "window_s": emotion.window_s,
        "reason": emotion.reason,
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
