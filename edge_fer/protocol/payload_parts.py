"""What the payloads are made of: the types of single fields, nested objects, and the fields that all have in common."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

from edge_fer.domain.faces import EmotionState, IdentityState
from edge_fer.domain.health import CameraState
from edge_fer.protocol.clock import TIMESTAMP_PATTERN, iso_utc, parse_timestamp
from edge_fer.protocol.topics import ID_PATTERN

_LARGEST_INTEGER = 2**53 - 1
"""Every JSON reader keeps integers up to here exactly. Source: RFC 8259, section 6."""

Count = Annotated[int, Field(ge=0, le=_LARGEST_INTEGER)]
Seq = Annotated[int, Field(ge=1, le=_LARGEST_INTEGER)]
Share = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]
NotEmpty = Annotated[str, Field(min_length=1)]
TopicId = Annotated[str, Field(pattern=ID_PATTERN)]
ModelId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*@[0-9a-f]{4}$")]
TrackId = Annotated[
    str,
    Field(pattern=r"^t-[1-9][0-9]{0,15}$", description="One visit of one face; a face that comes back has a new one."),
]
BootId = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        json_schema_extra={"format": "uuid"},
        description="One run of the daemon; seq starts at 1 in each.",
    ),
]
Timestamp = Annotated[
    datetime,
    BeforeValidator(parse_timestamp),
    PlainSerializer(iso_utc),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": TIMESTAMP_PATTERN}),
    Field(description="When it happened, UTC with milliseconds; for a face, when the frame was captured."),
]
ClockSynced = Annotated[bool, Field(description="False: ts may be wrong by years.")]
ModelIds = Annotated[
    dict[Literal["identity", "emotion"], ModelId],
    Field(description="Task → name@first digits of the model's sha256."),
]
Latency = Annotated[float | None, Field(ge=0, description="From capture to publish; null for a video file.")]


class _Part(BaseModel):
    """An object of a payload: exactly the fields of its model. Errors never show the values, which may be names."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


class JsonPayload(_Part):
    """A JSON object on the wire."""

    schema_id: str = Field(alias="schema")


class DevicePayload(JsonPayload):
    """What status and health have in common."""

    site: TopicId
    device: TopicId
    boot_id: BootId
    ts: Timestamp
    clock_synced: ClockSynced


class EventPayload(JsonPayload):
    """What all events have in common."""

    id: str = Field(
        pattern=r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$", description="ULID. The same id is the same event, sent again."
    )
    site: TopicId
    device: TopicId
    boot_id: BootId
    seq: Seq = Field(
        description="Number of the event in this run, over all event topics; a missing number is a lost event."
    )
    ts: Timestamp
    clock_synced: ClockSynced
    replayed: bool = Field(
        description="True: the event is from before the present connection to the broker. "
        "Do not act on it as if it were now."
    )


class Identity(_Part):
    """Who a face is. A subject is given when the state is known, and never else."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"state": {"const": "known"}}},
            "then": {"properties": {"subject": {"type": "string"}}},
            "else": {"properties": {"subject": {"type": "null"}}},
        }
    )

    state: IdentityState
    subject: NotEmpty | None = Field(description="The name or pseudonym that was enrolled.")
    similarity: float | None = Field(ge=-1, le=1, description="Cosine to the best enrolled face.")
    margin: float | None = Field(ge=-2, le=2, description="Similarity minus that of the second best person.")
    votes: Count = Field(description="Pictures behind the answer.")

    @model_validator(mode="after")
    def _subject_only_when_known(self) -> Identity:
        if (self.state is IdentityState.KNOWN) != (self.subject is not None):
            raise ValueError("a subject goes with the state known, and with no other")
        return self


class Emotion(_Part):
    """How a face looks. A label is given when the state is ok, and never else."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"state": {"const": "ok"}}},
            "then": {"properties": {"label": {"type": "string"}, "reason": {"type": "null"}}},
            "else": {"properties": {"label": {"type": "null"}}},
        }
    )

    state: EmotionState
    label: NotEmpty | None
    scores: dict[str, Share] = Field(description="Label → probability, smoothed over window_s.")
    window_s: NotNegative
    reason: str | None = Field(description="Why there is no label.")

    @model_validator(mode="after")
    def _label_only_when_ok(self) -> Emotion:
        is_ok = self.state is EmotionState.OK
        if is_ok != (self.label is not None) or (is_ok and self.reason is not None):
            raise ValueError("a label goes with the state ok, and with no other; a reason never goes with ok")
        return self


class Quality(_Part):
    """How good the picture of a face is."""

    face_px: Count = Field(description="Mean side of the face's box.")
    sharpness: Share
    yaw_deg: int = Field(ge=-180, le=180)


class Gap(_Part):
    """Events that will never come, and between which numbers they lie."""

    dropped: Seq
    first_seq: Seq
    last_seq: Seq


class ModelInUse(_Part):
    """A model file that the device runs."""

    name: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Camera(_Part):
    """Where the pictures come from, and whether they do."""

    source: str
    state: CameraState


class LatencyPercentiles(_Part):
    """From capture to the end of processing, in milliseconds; null without frames."""

    p50: NotNegative | None
    p95: NotNegative | None


class OutboxCounters(_Part):
    """Events since the start."""

    queued: Count = Field(description="Waiting for the broker now.")
    acked: Count
    refused: Count = Field(description="Denied by the broker; only MQTT 5 reports it.")
    dropped: Count = Field(description="Never sent: pushed out by newer ones, or impossible to encode.")
