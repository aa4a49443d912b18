"""Makes frames, observations, events and messages for tests."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np

from edge_fer.domain.events import EmotionEvent, EmotionEventType, FaceEvent, FaceEventType
from edge_fer.domain.faces import (
    Emotion,
    EmotionState,
    Frame,
    Identity,
    IdentityState,
    Observation,
    Quality,
    Track,
    TrackState,
)
from edge_fer.domain.geometry import Box
from edge_fer.domain.health import HealthReport, OutboxReadings
from edge_fer.mqtt.outbox import Entry
from edge_fer.protocol.codec import decode, encode
from edge_fer.protocol.message_builder import MessageBuilder
from edge_fer.protocol.messages import Message, ReceivedMessage

EPOCH = datetime(2026, 11, 20, 9, 14, 3, 412_000, tzinfo=timezone.utc)
PENDING = Identity(IdentityState.PENDING)
ADA = Identity(IdentityState.KNOWN, "ada", 0.9512, 0.1034, 3)
HAPPY = Emotion(EmotionState.OK, "happy", {"happy": 0.8, "neutral": 0.2}, 1.0)
SAD = Emotion(EmotionState.OK, "sad", {"happy": 0.1, "sad": 0.9}, 1.0)
UNSURE = Emotion(EmotionState.ABSTAIN, None, {}, 1.0, "warming up")
BOX = Box(20, 10, 60, 50)
QUALITY = Quality(71.4, 0.8231, 9.2)
OUTBOX: OutboxReadings = {"queued": 1, "acked": 20, "refused": 0, "dropped": 3}
REPORT = HealthReport(
    fps=14.987,
    latency_p50_ms=42.04,
    latency_p95_ms=71.26,
    frame_age_s=0.0612,
    frames=900,
    faces=2,
    rss_bytes=181_234_567,
    temperature_c=61.3,
    throttled=False,
)


def frame(at_s: float, *, width_px: int = 200, height_px: int = 100) -> Frame:
    """A black frame at this time."""
    rgb = np.zeros((height_px, width_px, 3), np.uint8)
    return Frame(rgb, round(at_s * 1000), at_s, EPOCH + timedelta(seconds=at_s))


def observation(
    track_id: int = 1,
    state: TrackState = TrackState.CONFIRMED,
    *,
    identity: Identity = PENDING,
    emotion: Emotion = UNSURE,
    box: Box = BOX,
    quality: Quality | None = QUALITY,
) -> Observation:
    """An observation of one track."""
    return Observation(Track(track_id, state, box, 0.0, 0.0, 5, None), quality, identity, emotion)


def face_event(
    kind: FaceEventType = FaceEventType.ENTER, *, track_id: int = 1, identity: Identity = ADA, emotion: Emotion = HAPPY
) -> FaceEvent:
    """A face event of some visit."""
    return FaceEvent(kind, track_id, EPOCH, (0.1, 0.2, 0.30001, 0.4), QUALITY, identity, emotion)


def emotion_event(emotion: Emotion = HAPPY) -> EmotionEvent:
    """An emotion event of some visit."""
    return EmotionEvent(EmotionEventType.CHANGE, 1, EPOCH, ADA, emotion)


def health_message(builder: MessageBuilder, report: HealthReport = REPORT) -> Message:
    """A health message of some device."""
    return builder.health(report, uptime_s=61.7, camera_state="ok", frames_dropped=4, outbox=OUTBOX)


def on_wire(message: Message, seq: int = 1, *, replayed: bool = False) -> dict[str, Any]:
    """The payload of an event, as a server decodes it."""
    return dict(json.loads(encode(Entry(seq, message, replayed).numbered())))


def plain(message: Message) -> dict[str, Any]:
    """The payload of a status or health message, as a server decodes it."""
    return dict(json.loads(encode(message)))


def arrived(message: Message, *, received_s: float = 0.0) -> ReceivedMessage:
    """A message as a subscriber gets it; an event needs its number before."""
    return ReceivedMessage(message.topic, decode(message.topic, encode(message)), retained=False, received_s=received_s)
