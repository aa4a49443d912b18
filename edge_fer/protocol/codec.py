"""Payload ↔ bytes, always through the payload's model: nothing else is sent, and nothing else is accepted."""

from __future__ import annotations

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from edge_fer.errors import PayloadError
from edge_fer.protocol.messages import Message
from edge_fer.protocol.payloads import MODELS, AvailabilityPayload, Payload
from edge_fer.protocol.topics import PREFIX, kind_of

MAX_PAYLOAD_BYTES = 64 * 1024
"""A hundred times the size of a face event; what is longer is not read."""

_DETAIL_LENGTH = 160


def encode(message: Message) -> bytes:
    """The payload as it goes over the wire: compact JSON in UTF-8; plain text for availability.

    Raises:
        PayloadError: The model refuses the payload, for a NaN for example, or the topic has no model.
    """
    kind = kind_of(message.topic)
    if kind not in MODELS:
        raise PayloadError("unknown topic", _printable(message.topic))
    try:
        payload = MODELS[kind].model_validate(message.payload)
        return (payload.root if isinstance(payload, AvailabilityPayload) else to_json(payload)).encode()
    except ValidationError as error:
        raise _payload_error(kind, error) from error
    except PydanticSerializationError as error:
        raise PayloadError("not UTF-8", f"{kind}: text with half of a surrogate pair") from error


def decode(topic: str, data: bytes) -> Payload:
    """What arrived on a topic that has a model.

    Raises:
        PayloadError: It is not what docs/mqtt.md describes; `reason` is one of a few.
        KeyError: The topic has no model.
    """
    kind = kind_of(topic)
    model = MODELS[kind]
    if len(data) > MAX_PAYLOAD_BYTES:
        raise PayloadError("too large", f"{kind}: {len(data)} bytes, more than {MAX_PAYLOAD_BYTES}")
    try:
        text = data.decode()
        payload = model.model_validate(text) if model is AvailabilityPayload else _from_json(model, text)
    except UnicodeDecodeError as error:
        raise PayloadError("not UTF-8", kind) from error
    except ValidationError as error:
        raise _payload_error(kind, error) from error
    if not isinstance(payload, AvailabilityPayload) and topic != f"{PREFIX}/{payload.site}/{payload.device}/{kind}":
        raise PayloadError("wrong device", f"{kind}: site and device are not those of the topic")
    return payload


def to_json(payload: Payload) -> str:
    """One line of JSON, in the order of docs/mqtt.md; a JSON string for availability."""
    return payload.model_dump_json(by_alias=True)


def _from_json(model: type[Payload], text: str) -> Payload:
    """Strict: a number in quotation marks is no number."""
    return model.model_validate_json(text, strict=True)


def _payload_error(kind: str, error: ValidationError) -> PayloadError:
    first, *_ = faults = error.errors(include_url=False, include_context=False, include_input=False)
    if first["type"] == "json_invalid":
        reason = "not JSON"
    elif any(fault["loc"] == ("schema",) for fault in faults):
        reason = "unknown schema"
    else:
        reason = "does not match its schema"
    where = ".".join(map(str, first["loc"])) or "payload"
    return PayloadError(reason, _printable(f"{kind}: {where}: {first['msg']}"))


def _printable(text: str) -> str:
    """On one line, without control characters, and not long: keys come from whoever sent the message."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:_DETAIL_LENGTH])
