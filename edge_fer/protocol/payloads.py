"""The payloads as models: what each message holds, and the rules between its fields.

The publisher sends nothing that its model refuses, and every reader parses through the same models. The JSON Schemas in
`schemas/` are generated from here (`make docs`). The order of the fields is their order on the wire.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field, RootModel, model_validator

from edge_fer.domain.events import EmotionEventType, FaceEventType, SystemEventType
from edge_fer.domain.health import CameraState
from edge_fer.protocol.payload_parts import (
    Camera,
    Count,
    DevicePayload,
    Emotion,
    EventPayload,
    Gap,
    Identity,
    Latency,
    LatencyPercentiles,
    ModelIds,
    ModelInUse,
    NotEmpty,
    NotNegative,
    OutboxCounters,
    Quality,
    Share,
    TrackId,
)
from edge_fer.protocol.topics import ONLINE


class FacePayload(EventPayload):
    """A visit begins, goes on, or ends."""

    model_config = ConfigDict(title="edge_fer/<site>/<device>/event/face")

    schema_id: Literal["edge_fer.face/1"] = Field(alias="schema")
    type: FaceEventType
    track: TrackId
    box: tuple[Share, Share, Share, Share] = Field(description="x, y, width, height as shares of the frame.")
    quality: Quality | None = Field(description="Null while the face is not seen, though still expected.")
    identity: Identity
    emotion: Emotion
    models: ModelIds
    latency_ms: Latency


class EmotionPayload(EventPayload):
    """How a face looks, on change and as a heartbeat."""

    model_config = ConfigDict(title="edge_fer/<site>/<device>/event/emotion")

    schema_id: Literal["edge_fer.emotion/1"] = Field(alias="schema")
    type: EmotionEventType
    track: TrackId
    identity: Identity
    emotion: Emotion
    models: ModelIds
    latency_ms: Latency


class SystemPayload(EventPayload):
    """Something happened to the device."""

    model_config = ConfigDict(
        title="edge_fer/<site>/<device>/event/system",
        json_schema_extra={
            "if": {"properties": {"type": {"const": "gap"}}},
            "then": {"properties": {"gap": {"type": "object"}}},
            "else": {"properties": {"gap": {"type": "null"}}},
        },
    )

    schema_id: Literal["edge_fer.system/1"] = Field(alias="schema")
    type: SystemEventType
    detail: NotEmpty = Field(description="One line for a person.")
    gap: Gap | None

    @model_validator(mode="after")
    def _gap_only_with_its_type(self) -> SystemPayload:
        if (self.type is SystemEventType.GAP) != (self.gap is not None):
            raise ValueError("gap goes with the type gap, and with no other")
        return self


class StatusPayload(DevicePayload):
    """What the device is and runs (retained)."""

    model_config = ConfigDict(title="edge_fer/<site>/<device>/status")

    schema_id: Literal["edge_fer.status/1"] = Field(alias="schema")
    version: str
    schemas: tuple[Annotated[str, Field(pattern=r"^edge_fer\.[a-z]+/[0-9]+$")], ...]
    models: dict[str, ModelInUse] = Field(description="By task.")
    camera: Camera
    identity_enabled: bool
    emotion_enabled: bool
    tls: bool
    insecure_plaintext: bool = Field(
        description="The operator allowed an unencrypted connection to a broker on another machine."
    )


class HealthPayload(DevicePayload):
    """How the device is, every 30 s."""

    model_config = ConfigDict(title="edge_fer/<site>/<device>/health")

    schema_id: Literal["edge_fer.health/1"] = Field(alias="schema")
    uptime_s: Count
    camera: CameraState
    fps: NotNegative = Field(description="Frames processed per second.")
    frames: Count
    frames_dropped: Count = Field(description="Overtaken by a newer one before they could be processed.")
    frame_age_s: NotNegative | None = Field(
        description="Since the capture of the last processed frame; null before the first."
    )
    faces: Count = Field(description="In the last frame.")
    latency_ms: LatencyPercentiles
    rss_mb: NotNegative
    temperature_c: float | None
    throttled: bool | None = Field(description="A Raspberry Pi that slows itself down; null elsewhere.")
    emotion_age_s: NotNegative = Field(
        description="Age of the oldest emotion in the last frame; compare with emotion.refresh_s."
    )
    degradations: tuple[str, ...] = Field(
        description="What is given up for lack of time, in words; see docs/performance.md."
    )
    warnings: tuple[str, ...] = Field(description="What looks wrong, in words.")
    outbox: OutboxCounters


class AvailabilityPayload(RootModel[Literal["online", "offline"]]):
    """Whether the device is connected: plain text, not JSON (retained)."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, title="edge_fer/<site>/<device>/availability")

    @property
    def online(self) -> bool:
        return self.root == ONLINE


Payload: TypeAlias = FacePayload | EmotionPayload | SystemPayload | StatusPayload | HealthPayload | AvailabilityPayload

MODELS: dict[str, type[Payload]] = {
    "event/face": FacePayload,
    "event/emotion": EmotionPayload,
    "event/system": SystemPayload,
    "status": StatusPayload,
    "health": HealthPayload,
    "availability": AvailabilityPayload,
}
"""Kind of message, which is the topic below the device's own → its model."""
