"""Events, status and health as JSON: each against its schema, and against the design's words."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_fer import config, payloads
from edge_fer.health import HealthReport
from edge_fer.outbox import Entry
from edge_fer.payloads import Payloads, encode, iso_utc, ulid
from edge_fer.topics import Message, Topics
from edge_fer.types import (
    Emotion,
    EmotionState,
    FaceEvent,
    FaceEventType,
    Gap,
    Identity,
    IdentityState,
    Quality,
    SystemEvent,
    SystemEventType,
)
from tests.manifests import emotion_manifest, identity_manifest
from tests.sightings import ADA, EPOCH, OUTBOX, UNSURE, emotion_event, face_event, health_message
from tests.subscriber import SCHEMAS, schema, validate

TOPICS = Topics("school-7", "room-b204")
NO_REPORT = HealthReport(0.0, None, None, None, 0, 0, 90_000_000, None, None)


@pytest.fixture
def maker() -> Payloads:
    """Payloads of a device with both models, at a known time with a good clock."""
    models = {"identity": identity_manifest(), "emotion": emotion_manifest("happy", "sad")}
    return Payloads(TOPICS, models, is_synced=lambda: True, now=lambda: EPOCH)


def on_wire(message: Message, seq: int = 1, *, replayed: bool = False) -> dict[str, Any]:
    """An event as a server decodes it."""
    return dict(json.loads(encode(Entry(seq, message, replayed).payload())))


def plain(message: Message) -> dict[str, Any]:
    """Status or health as a server decodes it."""
    return dict(json.loads(encode(message.payload)))


def test_a_face_event_reads_as_the_design_says(maker: Payloads) -> None:
    """Every field, with units and rounding."""
    message = maker.event(face_event(FaceEventType.UPDATE, track_id=93), latency_ms=143.26)
    told = on_wire(message, 4182)
    assert (message.topic, message.qos, message.retain) == ("edge_fer/school-7/room-b204/event/face", 1, False)
    assert re.fullmatch("[0-9A-Z]{26}", told.pop("id"))
    assert told == {
        "schema": "edge_fer.face/1",
        "site": "school-7",
        "device": "room-b204",
        "boot_id": maker.boot_id,
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
    }
    validate(on_wire(message))


def test_an_emotion_event_says_who_and_how(maker: Payloads) -> None:
    """On its own topic, with the identity, without a box."""
    message = maker.event(emotion_event())
    told = on_wire(message)
    validate(told)
    assert message.topic.endswith("/event/emotion")
    assert (told["type"], told["track"], told["emotion"]["label"], told["identity"]["subject"]) == (
        "change",
        "t-1",
        "happy",
        "ada",
    )
    assert told["latency_ms"] is None


def test_system_events_say_what_happened(maker: Payloads) -> None:
    """A lost camera has a detail and no gap."""
    message = maker.event(SystemEvent(SystemEventType.CAMERA_LOST, EPOCH, "/dev/video0: unplugged"))
    told = on_wire(message)
    validate(told)
    assert message.topic.endswith("/event/system")
    assert (told["type"], told["detail"], told["gap"]) == ("camera_lost", "/dev/video0: unplugged", None)


def test_a_gap_says_how_many_events_are_missing(maker: Payloads) -> None:
    """With the range of seq in which they lie."""
    told = on_wire(maker.gap(Gap(12, 5, 16)))
    validate(told)
    assert told["gap"] == {"dropped": 12, "first_seq": 5, "last_seq": 16}


def test_status_is_retained_and_names_no_person(maker: Payloads) -> None:
    """What runs on the device, with the models' hashes and whether plaintext was allowed."""
    message = maker.status(config.load(None), camera_state="opening")
    told = plain(message)
    validate(told)
    assert message.retain
    assert told["models"]["identity"] == {"name": "fake-identity", "sha256": "0" * 64}
    assert told["camera"] == {"source": "/dev/video0", "state": "opening"}
    assert told["insecure_plaintext"] is False
    assert "subject" not in encode(message.payload).decode()


def test_health_is_momentary(maker: Payloads) -> None:
    """QoS 0, not retained, with counters of the outbox."""
    message = health_message(maker)
    told = plain(message)
    validate(told)
    assert (message.qos, message.retain) == (0, False)
    assert (told["fps"], told["latency_ms"], told["rss_mb"], told["uptime_s"]) == (
        14.99,
        {"p50": 42.0, "p95": 71.3},
        181.2,
        62,
    )
    assert told["outbox"] == OUTBOX


def test_health_without_frames_says_null(maker: Payloads) -> None:
    """Unknown is null, never 0."""
    told = plain(health_message(maker, NO_REPORT))
    validate(told)
    assert (told["latency_ms"], told["frame_age_s"], told["temperature_c"], told["throttled"]) == (
        {"p50": None, "p95": None},
        None,
        None,
        None,
    )


def test_models_that_are_off_are_left_out() -> None:
    """Without an emotion model there is no id of one."""
    maker = Payloads(TOPICS, {"identity": identity_manifest()})
    told = on_wire(maker.event(face_event(emotion=Emotion(EmotionState.DISABLED))))
    validate(told)
    assert told["models"] == {"identity": "fake-identity@0000"}


def test_only_availability_and_status_are_retained(maker: Payloads) -> None:
    """Nothing that names a person stays at the broker."""
    messages = [
        maker.event(face_event()),
        maker.event(emotion_event()),
        maker.gap(Gap(1, 1, 1)),
        health_message(maker),
        maker.status(config.load(None), camera_state="ok"),
        TOPICS.is_online(True),
    ]
    assert [message.topic.split("/", 3)[3] for message in messages if message.retain] == ["status", "availability"]


def test_no_topic_names_a_person(maker: Payloads) -> None:
    """The subject stands in the payload only."""
    message = maker.event(face_event(identity=ADA))
    assert "ada" not in message.topic
    assert message.topic == maker.event(face_event(identity=Identity(IdentityState.UNKNOWN))).topic


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
def test_every_face_event_that_types_allow_fits_the_schema(
    identity: Identity, emotion: Emotion, quality: Quality | None, latency_ms: float | None
) -> None:
    """Whatever the stages say, the server's schema holds."""
    maker = Payloads(TOPICS, {}, is_synced=lambda: False)
    event = FaceEvent(FaceEventType.ENTER, 1, EPOCH, (0.0, 0.5, 1.0, 0.123456), quality, identity, emotion)
    validate(on_wire(maker.event(event, latency_ms=latency_ms)))


@pytest.fixture
def examples(maker: Payloads) -> dict[str, dict[str, Any]]:
    """One valid payload of each schema."""
    return {
        "face": on_wire(maker.event(face_event())),
        "emotion": on_wire(maker.event(emotion_event())),
        "system": on_wire(maker.gap(Gap(1, 1, 1))),
        "status": plain(maker.status(config.load(None), camera_state="ok")),
        "health": plain(health_message(maker)),
    }


def objects_in(value: Any) -> list[dict[str, Any]]:
    """All JSON objects in a value, itself included."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return ([value] if isinstance(value, dict) else []) + [found for item in inner for found in objects_in(item)]


FREE_KEYS = ("scores", "models")
"""Objects whose keys are labels or tasks, not fields."""


@pytest.mark.parametrize("name", ["face", "emotion", "system", "status", "health"])
def test_a_schema_refuses_unknown_and_missing_fields(examples: dict[str, dict[str, Any]], name: str) -> None:
    """At every depth: a field more or less is a change of the contract, and must be made on purpose."""
    example = examples[name]
    schema(name).validate(example)
    free = [id(found[key]) for found in objects_in(example) for key in FREE_KEYS if key in found]
    for number, found in enumerate(objects_in(example)):
        if id(found) in free:
            continue
        more = copy.deepcopy(example)
        objects_in(more)[number]["surprise"] = 1
        with pytest.raises(jsonschema.ValidationError, match="surprise"):
            schema(name).validate(more)
        for key in found:
            less = copy.deepcopy(example)
            del objects_in(less)[number][key]
            with pytest.raises(jsonschema.ValidationError, match="required"):
                schema(name).validate(less)


def test_a_name_without_a_match_breaks_the_schema(examples: dict[str, dict[str, Any]]) -> None:
    """An unknown face must never carry a subject, nor a known one none."""
    face = examples["face"]
    for change in ({"state": "unknown"}, {"subject": None}):
        wrong = {**face, "identity": {**face["identity"], **change}}
        with pytest.raises(jsonschema.ValidationError):
            validate(wrong)


def test_every_topic_has_its_schema() -> None:
    """The files that ship are those that the page names."""
    names = {path.stem for path in SCHEMAS.glob("*.json")}
    assert names == {"availability", "face", "emotion", "system", "status", "health"}
    for name in names:
        schema(name)


def test_availability_is_one_of_two_words() -> None:
    """Plain text, retained, QoS 1; the will is the same message as offline."""
    for online in (True, False):
        message = TOPICS.is_online(online)
        assert (message.qos, message.retain) == (1, True)
        schema("availability").validate(message.payload)


def test_numbers_that_are_no_json_are_refused() -> None:
    """NaN would break every server's parser."""
    with pytest.raises(ValueError, match="JSON"):
        encode({"fps": float("nan")})


def test_names_travel_as_utf8() -> None:
    """Not as escapes: people read these payloads."""
    assert encode({"subject": "Zoë"}) == '{"subject":"Zoë"}'.encode()


@given(at=st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.timezones()))
def test_times_are_utc_with_milliseconds(at: datetime) -> None:
    """Whatever zone the clock is in."""
    text = iso_utc(at)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    assert timedelta(0) <= at - datetime.fromisoformat(text.replace("Z", "+00:00")) < timedelta(milliseconds=1)


def test_ulids_are_unique_and_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """26 Crockford digits; the time comes first. Source of the example: the specification."""
    assert len({ulid() for _ in range(1000)}) == 1000
    monkeypatch.setattr("time.time_ns", lambda: 1469918176385 * 1_000_000)
    assert ulid().startswith("01ARYZ6S41")
    assert re.fullmatch("[0-7][0-9A-HJKMNP-TV-Z]{25}", ulid())


def test_the_clock_is_synced_when_timesyncd_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """The flag file alone is enough: a sandbox may forbid to ask the kernel."""
    flag = tmp_path / "synchronized"
    monkeypatch.setattr(payloads, "_TIMESYNCD_FLAG", flag)
    assert isinstance(payloads.clock_synced(), bool)
    flag.touch()
    assert payloads.clock_synced() is True


@pytest.mark.parametrize(("answer", "synced"), [(0, True), (1, True), (5, False), (-1, False)])
def test_the_kernel_knows_whether_the_clock_is_synced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, answer: int, synced: bool
) -> None:
    """TIME_ERROR is 5; −1 is a sandbox that forbids to ask."""

    class Libc:
        def adjtimex(self, timex: object) -> int:
            return answer

    monkeypatch.setattr(payloads, "_TIMESYNCD_FLAG", tmp_path / "absent")
    monkeypatch.setattr("ctypes.CDLL", lambda name: Libc())
    assert payloads.clock_synced() is synced


@pytest.mark.parametrize(("site", "device"), [("School", "a"), ("a", "b/c"), ("", "a"), ("a", "#"), ("a", "b\n")])
def test_ids_that_make_no_topic_are_refused(site: str, device: str) -> None:
    """Lower case, digits and hyphens; a wildcard or slash would change what a topic means."""
    with pytest.raises(ValueError, match="site and device"):
        Topics(site, device)


def test_all_topics_lie_below_the_device() -> None:
    """One filter catches them all."""
    topics = [TOPICS.availability, TOPICS.status, TOPICS.health, TOPICS.face, TOPICS.emotion, TOPICS.system]
    assert TOPICS.everything == "edge_fer/school-7/room-b204/#"
    assert all(topic.startswith(f"{TOPICS.root}/") for topic in topics)


def test_each_start_has_a_boot_id_of_its_own(maker: Payloads) -> None:
    """So that a server knows why seq began anew."""
    assert maker.boot_id != Payloads(TOPICS, {}).boot_id


def test_the_real_clock_is_aware_of_its_zone() -> None:
    """Without a clock given, ts is now."""
    told: Mapping[str, Any] = plain(Payloads(TOPICS, {}).status(config.load(None), camera_state="ok"))
    at = datetime.fromisoformat(told["ts"].replace("Z", "+00:00"))
    assert abs(datetime.now(timezone.utc) - at) < timedelta(minutes=1)
