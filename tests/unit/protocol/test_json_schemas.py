"""The JSON Schemas that ship: they accept what is sent and nothing else, and agree with the models."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema.exceptions import best_match

from edge_fer.config import loading
from edge_fer.domain.events import Gap, SystemEvent, SystemEventType
from edge_fer.domain.faces import Identity, IdentityState
from edge_fer.errors import PayloadError
from edge_fer.protocol.codec import decode
from edge_fer.protocol.message_builder import MessageBuilder
from edge_fer.protocol.messages import availability_message
from edge_fer.protocol.payloads import MODELS
from edge_fer.protocol.topics import Topics
from tests.factories import EPOCH, UNSURE, emotion_event, face_event, health_message, on_wire, plain
from tests.manifests import emotion_manifest, identity_manifest
from tests.subscriber import SCHEMAS, schema, validate

TOPICS = Topics("school-7", "room-b204")
BUILDER = MessageBuilder(TOPICS, {"identity": identity_manifest(), "emotion": emotion_manifest("happy", "sad")})
EXAMPLES: dict[str, dict[str, Any]] = {
    "event/face": on_wire(BUILDER.event(face_event())),
    "event/emotion": on_wire(BUILDER.event(emotion_event())),
    "event/system": on_wire(BUILDER.gap(Gap(1, 1, 1))),
    "status": plain(BUILDER.status(loading.load(None), camera_state="ok")),
    "health": plain(health_message(BUILDER)),
}
OTHERS = [
    ("event/face", on_wire(BUILDER.event(face_event(identity=Identity(IdentityState.PENDING), emotion=UNSURE)))),
    ("event/system", on_wire(BUILDER.event(SystemEvent(SystemEventType.CAMERA_LOST, EPOCH, "unplugged")))),
]


def name_of(kind: str) -> str:
    """The schema of a kind of message."""
    return kind.rpartition("/")[2]


def refusal(kind: str, payload: Any) -> str:
    """Why the schema refuses a payload; empty if it does not."""
    error = best_match(schema(name_of(kind)).iter_errors(payload))
    return error.message if error else ""


def objects_in(value: Any) -> list[dict[str, Any]]:
    """All JSON objects in a value, itself included."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return ([value] if isinstance(value, dict) else []) + [found for item in inner for found in objects_in(item)]


FREE_KEYS = ("scores", "models")
"""Objects whose keys are labels or tasks, not fields."""


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_schema_refuses_unknown_and_missing_fields(kind: str) -> None:
    """At every depth: a field more or less is a change of the contract, and must be made on purpose."""
    example = EXAMPLES[kind]
    assert refusal(kind, example) == ""
    free = [id(found[key]) for found in objects_in(example) for key in FREE_KEYS if key in found]
    for number, found in enumerate(objects_in(example)):
        if id(found) in free:
            continue
        more = copy.deepcopy(example)
        objects_in(more)[number]["surprise"] = 1
        assert "surprise" in refusal(kind, more)
        for key in found:
            less = copy.deepcopy(example)
            del objects_in(less)[number][key]
            assert "required" in refusal(kind, less)


@pytest.mark.parametrize(
    ("kind", "part", "change"),
    [
        ("event/face", "identity", {"state": "unknown"}),
        ("event/face", "identity", {"subject": None}),
        ("event/face", "emotion", {"state": "abstain"}),
        ("event/face", "emotion", {"label": None}),
        ("event/face", "emotion", {"reason": "not confident"}),
        ("event/face", "models", {"detector": "mtcnn@0000"}),
        ("event/emotion", "identity", {"subject": ""}),
        ("event/system", None, {"gap": None}),
        ("event/system", None, {"type": "camera_lost"}),
    ],
)
def test_fields_that_contradict_each_other_are_refused(kind: str, part: str | None, change: dict[str, Any]) -> None:
    """By the schema and by the model: no name without a match, no label with a reason against it."""
    example = EXAMPLES[kind]
    wrong = {**example, **change} if part is None else {**example, part: {**example[part], **change}}
    with pytest.raises(jsonschema.ValidationError):
        validate(wrong)
    with pytest.raises(PayloadError, match="does not match its schema"):
        decode(f"{TOPICS.root}/{kind}", json.dumps(wrong).encode())


def test_every_topic_has_its_schema() -> None:
    """No more files ship than there are models, and each is a schema."""
    names = {path.stem for path in SCHEMAS.glob("*.json")}
    assert names == {name_of(kind) for kind in MODELS}
    assert names == {"availability", "face", "emotion", "system", "status", "health"}
    for name in names:
        schema(name)


def test_availability_is_one_of_two_words() -> None:
    """Plain text, retained, QoS 1; the will is the same message as offline."""
    for online in (True, False):
        message = availability_message(TOPICS, online=online)
        assert (message.qos, message.retain) == (1, True)
        schema("availability").validate(message.payload)
    assert refusal("availability", "asleep")


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_payload_of_another_schema_number_is_refused(kind: str) -> None:
    """A reader that knows version 1 must not take version 2 for it."""
    assert "was expected" in refusal(kind, {**EXAMPLES[kind], "schema": f"edge_fer.{name_of(kind)}/2"})


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=8)
"""Without a line break, which `$` lets pass at the end in Python's regular expressions, and in no other language's."""

VALUES = st.one_of(
    st.none() | st.booleans() | TEXTS | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0, 1, -1, 2, -2, 180, 181, 2**53 - 1, 2**53, 0.5, -0.5, 1.5]),
    st.sampled_from(["known", "unknown", "ok", "abstain", "gap", "leave", "online", "t-0", "t-7", "a@0000", "0" * 64]),
    st.sampled_from([[], {}, [0.1] * 3, [0.1] * 4, [0.1] * 5, ["x"], {"identity": "a@0000"}, {"x": 0.5}]),
).filter(lambda value: not (isinstance(value, float) and value.is_integer()))
"""Anything in JSON, with what stands at the edges of our fields. 1.0 is an integer to a schema, and none to a model."""


@st.composite
def changed_payloads(draw: st.DrawFn) -> tuple[str, Any]:
    """A payload of which up to three values were replaced, removed or added, at any depth."""
    kind, example = draw(st.sampled_from([*EXAMPLES.items(), *OTHERS]))
    payload = copy.deepcopy(example)
    for _ in range(draw(st.integers(0, 3))):
        target = draw(st.sampled_from(objects_in(payload)))
        key = draw(st.sampled_from([*target, "surprise"]))
        if draw(st.booleans()):
            target[key] = copy.deepcopy(draw(VALUES))
        else:
            target.pop(key, None)
    return kind, payload


def model_refusal(kind: str, payload: Any) -> str:
    """Why the model refuses a payload; empty if it does not. That the topic fits is no part of a schema."""
    try:
        decode(f"{TOPICS.root}/{kind}", json.dumps(payload).encode())
    except PayloadError as error:
        return "" if error.reason == "wrong device" else error.message
    return ""


@given(changed=changed_payloads())
def test_models_and_schemas_agree(changed: tuple[str, Any]) -> None:
    """What one refuses, the other refuses: a server in another language checks what ours checks."""
    kind, payload = changed
    by_model, by_schema = model_refusal(kind, payload), refusal(kind, payload)
    assert bool(by_model) == bool(by_schema), (by_model, by_schema)
