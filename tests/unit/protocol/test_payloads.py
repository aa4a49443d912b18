"""The payload models as values: what a reader gets."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from pydantic import ValidationError

from edge_fer.domain.events import FaceEventType
from edge_fer.domain.faces import EmotionState, IdentityState
from edge_fer.mqtt.outbox import Entry
from edge_fer.protocol.message_builder import MessageBuilder
from edge_fer.protocol.payloads import MODELS, AvailabilityPayload, FacePayload
from edge_fer.protocol.topics import Topics
from tests.factories import EPOCH, arrived, face_event

TOPICS = Topics("school-7", "room-b204")
FACE = arrived(Entry(7, MessageBuilder(TOPICS, {}).event(face_event())).numbered()).payload


def test_a_face_has_the_types_of_the_domain() -> None:
    """Enumerations, and times with their zone."""
    assert isinstance(FACE, FacePayload)
    assert (FACE.type, FACE.identity.state, FACE.emotion.state) == (
        FaceEventType.ENTER,
        IdentityState.KNOWN,
        EmotionState.OK,
    )
    assert FACE.ts == EPOCH
    assert FACE.ts.tzinfo is timezone.utc


def test_a_payload_cannot_be_changed() -> None:
    """Several readers may hold the same one."""
    assert isinstance(FACE, FacePayload)
    with pytest.raises(ValidationError, match="frozen"):
        FACE.ts = datetime.now(timezone.utc)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_an_error_never_shows_a_value(model: type[FacePayload]) -> None:
    """It may be a name."""
    with pytest.raises(ValidationError) as refused:
        model.model_validate("Grace Hopper")
    assert "Grace" not in str(refused.value)


def test_availability_is_a_word_and_a_fact() -> None:
    """Both from one payload."""
    assert AvailabilityPayload("online").online
    assert not AvailabilityPayload("offline").online
