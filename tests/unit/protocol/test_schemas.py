"""The shipped schemas: they hold what we send, and nothing else."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema
import pytest

from edge_fer.config import loading
from edge_fer.domain.events import Gap
from edge_fer.protocol.payloads import Payloads
from edge_fer.protocol.topics import Topics
from tests.factories import emotion_event, face_event, health_message, on_wire, plain
from tests.manifests import emotion_manifest, identity_manifest
from tests.subscriber import SCHEMAS, schema, validate

TOPICS = Topics("school-7", "room-b204")


@pytest.fixture
def examples() -> dict[str, dict[str, Any]]:
    """One valid payload of each schema."""
    maker = Payloads(TOPICS, {"identity": identity_manifest(), "emotion": emotion_manifest("happy", "sad")})
    return {
        "face": on_wire(maker.event(face_event())),
        "emotion": on_wire(maker.event(emotion_event())),
        "system": on_wire(maker.gap(Gap(1, 1, 1))),
        "status": plain(maker.status(loading.load(None), camera_state="ok")),
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
        message = TOPICS.availability_message(online=online)
        assert (message.qos, message.retain) == (1, True)
        schema("availability").validate(message.payload)


def test_a_payload_without_a_schema_number_is_refused(examples: dict[str, dict[str, Any]]) -> None:
    """A reader that knows version 1 must not take version 2 for it."""
    for name, example in examples.items():
        with pytest.raises(jsonschema.ValidationError, match="was expected"):
            schema(name).validate({**example, "schema": f"edge_fer.{name}/2"})
