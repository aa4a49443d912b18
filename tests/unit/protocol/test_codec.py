"""Payload ↔ bytes: what is refused on the way out and on the way in, and why."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_fer.config import loading
from edge_fer.domain.events import Gap
from edge_fer.errors import PayloadError
from edge_fer.mqtt.outbox import Entry
from edge_fer.protocol.codec import MAX_PAYLOAD_BYTES, decode, encode, to_json
from edge_fer.protocol.message_builder import MessageBuilder
from edge_fer.protocol.messages import Message, availability_message
from edge_fer.protocol.payloads import MODELS, AvailabilityPayload, FacePayload
from edge_fer.protocol.topics import Topics
from tests.factories import emotion_event, face_event, health_message, on_wire, plain
from tests.manifests import emotion_manifest, identity_manifest

TOPICS = Topics("school-7", "room-b204")
BUILDER = MessageBuilder(TOPICS, {"identity": identity_manifest(), "emotion": emotion_manifest("happy", "sad")})
FACE = on_wire(BUILDER.event(face_event()))
STATUS = plain(BUILDER.status(loading.load(None), camera_state="ok"))


def numbered(message: Message) -> Message:
    """An event as the outbox completes it."""
    return Entry(1, message).numbered()


def face_with(**changes: Any) -> bytes:
    """A face event of which some fields are others, as JSON."""
    return json.dumps({**FACE, **changes}).encode()


def reason(topic: str, data: bytes) -> str:
    """Why a message is refused."""
    with pytest.raises(PayloadError) as refused:
        decode(topic, data)
    return refused.value.reason


@pytest.mark.parametrize(
    "message",
    [
        numbered(BUILDER.event(face_event(), latency_ms=12.5)),
        numbered(BUILDER.event(emotion_event())),
        numbered(BUILDER.gap(Gap(1, 1, 1))),
        BUILDER.status(loading.load(None), camera_state="ok"),
        health_message(BUILDER),
        availability_message(TOPICS, online=True),
    ],
    ids=lambda message: message.topic,
)
def test_what_is_encoded_can_be_decoded(message: Message) -> None:
    """To the model of its topic, and back to the same bytes."""
    data = encode(message)
    payload = decode(message.topic, data)
    assert isinstance(payload, MODELS[message.topic.split("/", 3)[3]])
    again = payload.root if isinstance(payload, AvailabilityPayload) else json.loads(to_json(payload))
    assert encode(Message(message.topic, again)) == data


def test_json_is_compact_utf8_in_the_documented_order() -> None:
    """No blanks, no escapes: people read these payloads."""
    event = face_event()
    named = Entry(7, BUILDER.event(event)).numbered()
    fields: dict[str, Any] = {**dict(named.payload), "identity": {**FACE["identity"], "subject": "Zoë"}}  # type: ignore[arg-type]
    data = encode(Message(TOPICS.face, dict(reversed(fields.items()))))
    assert '"subject":"Zoë"'.encode() in data
    assert b'": ' not in data
    assert list(json.loads(data))[:8] == ["schema", "id", "site", "device", "boot_id", "seq", "ts", "clock_synced"]


def test_availability_is_plain_text() -> None:
    """On the wire; as JSON it is a string."""
    assert encode(availability_message(TOPICS, online=False)) == b"offline"
    assert to_json(decode(TOPICS.availability, b"online")) == '"online"'


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        (Message(TOPICS.face, {**FACE, "latency_ms": math.nan}), "latency_ms: Input should be a finite number"),
        (Message(TOPICS.face, {**FACE, "box": [0, 0, math.inf, 1]}), "box.2"),
        (Message(TOPICS.face, {**FACE, "track": object()}), "track"),
        (Message(TOPICS.face, "text"), "payload"),
        (Message(TOPICS.availability, {"online": True}), "payload"),
        (Message(TOPICS.availability, "asleep"), "'online' or 'offline'"),
        (Message(f"{TOPICS.root}/cmd/ping", {}), "unknown topic"),
        (Message("edge_fer", {}), "unknown topic"),
        (Message(TOPICS.system, {**on_wire(BUILDER.gap(Gap(1, 1, 1))), "detail": "\udce9.mp4"}), "detail: .* unicode"),
        (Message(TOPICS.status, {**STATUS, "camera": {"source": "\udce9.mp4", "state": "ok"}}), "not UTF-8: status"),
    ],
)
def test_what_cannot_be_encoded_is_refused_by_name(message: Message, detail: str) -> None:
    """The field and the rule, in one error of ours."""
    with pytest.raises(PayloadError, match=detail):
        encode(message)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not JSON"),
        (b"no json", "not JSON"),
        (b"[" * 50_000, "not JSON"),
        (b"[" * 150 + b"]" * 150, "does not match its schema"),
        (b'{"schema":' * 5000, "not JSON"),
        (face_with()[:-1], "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (json.dumps(FACE).encode("utf-16"), "not UTF-8"),
        (b" " * (MAX_PAYLOAD_BYTES + 1), "too large"),
        (b"[]", "does not match its schema"),
        (b"7", "does not match its schema"),
        (b"null", "does not match its schema"),
        (b"NaN", "does not match its schema"),
        (b'"text"', "does not match its schema"),
        (b"{}", "unknown schema"),
        (face_with(schema="edge_fer.face/2"), "unknown schema"),
        (face_with(schema=1), "unknown schema"),
        (face_with(identity=None), "does not match its schema"),
        (face_with(track=5), "does not match its schema"),
        (face_with(seq="1"), "does not match its schema"),
        (face_with(seq=True), "does not match its schema"),
        (face_with(seq=0), "does not match its schema"),
        (face_with(seq=10**4000), "does not match its schema"),
        (face_with(latency_ms=math.nan), "does not match its schema"),
        (face_with(ts="2026-02-30T00:00:00.000Z"), "does not match its schema"),
        (face_with(identity={**FACE["identity"], "similarity": "x"}), "does not match its schema"),
        (face_with(color="red"), "does not match its schema"),
        (face_with(site="school-8"), "wrong device"),
        (face_with(device="room-c1"), "wrong device"),
    ],
)
def test_what_is_not_readable_has_a_reason(data: bytes, why: str) -> None:
    """One of a few, so that it can be counted."""
    assert reason(TOPICS.face, data) == why


def test_health_with_a_list_for_a_number() -> None:
    """As somebody's test tool sent it to Home Assistant."""
    assert reason(TOPICS.health, b'{"latency_ms": [1]}') == "unknown schema"
    health = {**dict(health_message(BUILDER).payload), "latency_ms": [1]}  # type: ignore[arg-type]
    assert reason(TOPICS.health, json.dumps(health).encode()) == "does not match its schema"


@pytest.mark.parametrize("data", [b"", b"ONLINE", b"online\n", b'"online"', b"\xff", b"online" * 20_000])
def test_any_other_availability_is_refused(data: bytes) -> None:
    """Two words, and nothing like them."""
    with pytest.raises(PayloadError):
        decode(TOPICS.availability, data)


def test_an_error_shows_the_field_and_never_a_value() -> None:
    """It may be logged: names stay out of logs, and whoever chose a key cannot steer a terminal with it."""
    with pytest.raises(PayloadError) as refused:
        decode(TOPICS.face, face_with(**{"\x1b[2J" + "x" * 500: "Grace Hopper"}))
    assert "event/face: ?[2Jxxx" in refused.value.message
    assert len(refused.value.message) < 200
    with pytest.raises(PayloadError) as refused:
        decode(TOPICS.face, face_with(identity={**FACE["identity"], "state": "unknown", "subject": "Grace Hopper"}))
    assert "a subject goes with the state known" in refused.value.message
    assert "Grace" not in str(refused.value)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(
    kind=st.sampled_from(sorted(MODELS)),
    data=st.binary(max_size=300)
    | JSON_VALUES.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(st.sampled_from(sorted(FACE)), JSON_VALUES).map(lambda changes: face_with(**changes)),
)
def test_no_message_ends_the_reader(kind: str, data: bytes) -> None:
    """It is one of our payloads, or a PayloadError; there is no third way."""
    try:
        text = to_json(decode(f"{TOPICS.root}/{kind}", data))
    except PayloadError as error:
        text = error.message
    assert text


@given(changes=st.dictionaries(st.sampled_from(sorted(FACE)), JSON_VALUES, max_size=3))
def test_no_payload_ends_the_publisher(changes: dict[str, Any]) -> None:
    """Bytes that a reader accepts, or a PayloadError."""
    try:
        data = encode(Message(TOPICS.face, {**FACE, **changes}))
    except PayloadError:
        return
    topic = f"edge_fer/{json.loads(data)['site']}/{json.loads(data)['device']}/event/face"
    assert isinstance(decode(topic, data), FacePayload)
