"""Events, status and health as messages: what stands where, how it is rounded, and that it fits the schema."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_fer.config import loading
from edge_fer.domain.events import FaceEvent, FaceEventType, Gap, SystemEvent, SystemEventType
from edge_fer.domain.faces import Emotion, EmotionState, Identity, IdentityState, Quality
from edge_fer.domain.health import HealthReport
from edge_fer.errors import PayloadError
from edge_fer.protocol.codec import encode
from edge_fer.protocol.message_builder import MessageBuilder
from edge_fer.protocol.messages import availability_message
from edge_fer.protocol.topics import Topics
from tests.factories import ADA, EPOCH, OUTBOX, UNSURE, emotion_event, face_event, health_message, on_wire, plain
from tests.manifests import emotion_manifest, identity_manifest
from tests.subscriber import validate

TOPICS = Topics("school-7", "room-b204")
NO_REPORT = HealthReport(0.0, None, None, None, 0, 0, 90_000_000, None, None)


@pytest.fixture
def builder() -> MessageBuilder:
    """Builder of a device with both models, at a known time with a good clock."""
    models = {"identity": identity_manifest(), "emotion": emotion_manifest("happy", "sad")}
    return MessageBuilder(TOPICS, models, is_synced=lambda: True, now=lambda: EPOCH)


def test_every_field_of_a_face_event(builder: MessageBuilder) -> None:
    """Each value in its field, rounded, in the order of docs/mqtt.md."""
    message = builder.event(face_event(FaceEventType.UPDATE, track_id=93), latency_ms=143.26)
    payload = on_wire(message, 4182)
    assert (message.topic, message.qos, message.retain) == ("edge_fer/school-7/room-b204/event/face", 1, False)
    assert re.fullmatch("[0-9A-Z]{26}", payload.pop("id"))
    assert list(payload.items()) == list(
        {
            "schema": "edge_fer.face/1",
            "site": "school-7",
            "device": "room-b204",
            "boot_id": builder.boot_id,
            "seq": 4182,
            "ts": "2026-11-20T09:14:03.412Z",
            "clock_synced": True,
            "replayed": False,
            "type": "update",
            "track": "t-93",
            "box": [0.1, 0.2, 0.3, 0.4],
            "quality": {"face_px": 71, "sharpness": 0.823, "yaw_deg": 9},
            "identity": {"state": "known", "subject": "ada", "similarity": 0.9512, "margin": 0.1034, "votes": 3},
            "emotion": {
                "state": "ok",
                "label": "happy",
                "scores": {"happy": 0.8, "neutral": 0.2},
                "window_s": 1.0,
                "reason": None,
            },
            "models": {"identity": "fake-identity@0000", "emotion": "fake-emotion@0000"},
            "latency_ms": 143.3,
        }.items()
    )
    validate(on_wire(message))


def test_an_emotion_event_says_who_and_how(builder: MessageBuilder) -> None:
    """On its own topic, with the identity, without a box."""
    message = builder.event(emotion_event())
    payload = on_wire(message)
    validate(payload)
    assert message.topic.endswith("/event/emotion")
    assert (payload["type"], payload["track"], payload["emotion"]["label"], payload["identity"]["subject"]) == (
        "change",
        "t-1",
        "happy",
        "ada",
    )
    assert payload["latency_ms"] is None


def test_system_events_say_what_happened(builder: MessageBuilder) -> None:
    """A lost camera has a detail and no gap."""
    message = builder.event(SystemEvent(SystemEventType.CAMERA_LOST, EPOCH, "/dev/video0: unplugged"))
    payload = on_wire(message)
    validate(payload)
    assert message.topic.endswith("/event/system")
    assert (payload["type"], payload["detail"], payload["gap"]) == ("camera_lost", "/dev/video0: unplugged", None)


def test_a_gap_says_how_many_events_are_missing(builder: MessageBuilder) -> None:
    """With the range of seq in which they lie."""
    payload = on_wire(builder.gap(Gap(12, 5, 16)))
    validate(payload)
    assert payload["gap"] == {"dropped": 12, "first_seq": 5, "last_seq": 16}


def test_status_is_retained_and_names_no_person(builder: MessageBuilder) -> None:
    """What runs on the device, with the models' hashes and whether plaintext was allowed."""
    message = builder.status(loading.load(None), camera_state="opening")
    payload = plain(message)
    validate(payload)
    assert message.retain
    assert payload["models"]["identity"] == {"name": "fake-identity", "sha256": "0" * 64}
    assert payload["camera"] == {"source": "/dev/video0", "state": "opening"}
    assert payload["insecure_plaintext"] is False
    assert "subject" not in encode(message).decode()


def test_health_is_not_queued(builder: MessageBuilder) -> None:
    """QoS 0, not retained, with counters of the outbox."""
    message = health_message(builder)
    payload = plain(message)
    validate(payload)
    assert (message.qos, message.retain) == (0, False)
    assert (payload["fps"], payload["latency_ms"], payload["rss_mb"], payload["uptime_s"]) == (
        14.99,
        {"p50": 42.0, "p95": 71.3},
        181.2,
        62,
    )
    assert payload["outbox"] == OUTBOX


def test_health_without_frames_says_null(builder: MessageBuilder) -> None:
    """What is not known is null, never 0."""
    payload = plain(health_message(builder, NO_REPORT))
    validate(payload)
    assert (payload["latency_ms"], payload["frame_age_s"], payload["temperature_c"], payload["throttled"]) == (
        {"p50": None, "p95": None},
        None,
        None,
        None,
    )


def test_models_that_are_off_are_left_out() -> None:
    """Without an emotion model there is no id of one."""
    builder = MessageBuilder(TOPICS, {"identity": identity_manifest()})
    payload = on_wire(builder.event(face_event(emotion=Emotion(EmotionState.DISABLED))))
    validate(payload)
    assert payload["models"] == {"identity": "fake-identity@0000"}


def test_only_availability_and_status_are_retained(builder: MessageBuilder) -> None:
    """Nothing that names a person stays at the broker."""
    messages = [
        builder.event(face_event()),
        builder.event(emotion_event()),
        builder.gap(Gap(1, 1, 1)),
        health_message(builder),
        builder.status(loading.load(None), camera_state="ok"),
        availability_message(TOPICS, online=True),
    ]
    assert [message.topic.split("/", 3)[3] for message in messages if message.retain] == ["status", "availability"]


def test_no_topic_names_a_person(builder: MessageBuilder) -> None:
    """The subject stands in the payload only."""
    message = builder.event(face_event(identity=ADA))
    assert "ada" not in message.topic
    assert message.topic == builder.event(face_event(identity=Identity(IdentityState.UNKNOWN))).topic


STATES = st.one_of(
    st.builds(
        Identity,
        st.just(IdentityState.KNOWN),
        st.text(min_size=1, max_size=20),
        st.floats(-1, 1),
        st.none() | st.floats(-2, 2),
        st.integers(1, 99),
    ),
    st.builds(
        Identity,
        st.sampled_from([state for state in IdentityState if state is not IdentityState.KNOWN]),
        st.none(),
        st.none() | st.floats(-1, 1),
    ),
)
EMOTIONS = st.one_of(
    st.builds(
        Emotion,
        st.just(EmotionState.OK),
        st.just("happy"),
        st.dictionaries(st.sampled_from(["happy", "sad", "tired"]), st.floats(0, 1)),
        st.floats(0, 60),
    ),
    st.just(UNSURE),
    st.just(Emotion(EmotionState.DISABLED)),
)
QUALITIES = st.none() | st.builds(Quality, st.floats(0, 4000), st.floats(0, 1), st.floats(-90, 90))


@given(identity=STATES, emotion=EMOTIONS, quality=QUALITIES, latency_ms=st.none() | st.floats(0, 1e6))
def test_every_face_event_of_the_domain_fits_the_schema(
    identity: Identity, emotion: Emotion, quality: Quality | None, latency_ms: float | None
) -> None:
    """Any combination of states and values in their ranges."""
    builder = MessageBuilder(TOPICS, {}, is_synced=lambda: False)
    event = FaceEvent(FaceEventType.ENTER, 1, EPOCH, (0.0, 0.5, 1.0, 0.123456), quality, identity, emotion)
    validate(on_wire(builder.event(event, latency_ms=latency_ms)))


@pytest.mark.parametrize("quality", [Quality(math.nan, 0.5, 0.0), Quality(71.0, 0.5, math.inf)])
def test_building_never_fails_on_a_number(builder: MessageBuilder, quality: Quality) -> None:
    """NaN is refused where the message is encoded, in the publisher's thread, not in the thread of inference."""
    event = dataclasses.replace(face_event(), quality=quality)
    message = builder.event(event, latency_ms=math.nan)
    with pytest.raises(PayloadError, match="event/face: quality"):
        on_wire(message)


def test_each_start_has_a_boot_id_of_its_own(builder: MessageBuilder) -> None:
    """It tells a server why seq starts at 1 again."""
    assert builder.boot_id != MessageBuilder(TOPICS, {}).boot_id


def test_the_real_clock_is_aware_of_its_zone() -> None:
    """Without a clock given, ts is now."""
    payload: Mapping[str, Any] = plain(MessageBuilder(TOPICS, {}).status(loading.load(None), camera_state="ok"))
    at = datetime.fromisoformat(payload["ts"].replace("Z", "+00:00"))
    assert abs(datetime.now(timezone.utc) - at) < timedelta(minutes=1)
