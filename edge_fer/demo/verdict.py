"""What the server received, judged: pure functions on messages."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator

from edge_fer.demo.measure import Measurement
from edge_fer.demo.server import Received

NAMED_WITHIN_S = 1.0
FOUND_SHARE = 0.95
RSS_LIMIT_MB = 350


@dataclass(frozen=True, slots=True)
class Delivery:
    """Events on their way from the daemon to the server.

    Attributes:
        published: The highest sequence number: the daemon counts from 1.
        received: Different events that arrived.
        invalid: One line for each message that its schema refuses.
    """

    published: int
    received: int
    invalid: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Visit:
    """One track as the events tell it.

    Attributes:
        names: Every name that it was given, in order.
        named_after_s: From enter to the first name, by the frames' own time.
        duration_s: From enter to leave; None when no leave came.
        moods: Every emotion that was told, in order.
    """

    track: str
    names: tuple[str, ...]
    named_after_s: float | None
    duration_s: float | None
    moods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """What was seen of the daemon's process.

    Attributes:
        started_s: Monotonic seconds of its start.
        peak_rss_mb: Largest resident memory.
        tensorflow: Whether TensorFlow was ever loaded into it.
    """

    started_s: float
    exit_code: int
    peak_rss_mb: float
    tensorflow: bool


def events(received: Iterable[Received]) -> Iterator[dict[str, Any]]:
    """The event payloads, each id once."""
    seen: set[str] = set()
    for message in received:
        if message.kind.startswith("event/") and isinstance(message.payload, dict):
            event_id = str(message.payload.get("id"))
            if event_id not in seen:
                seen.add(event_id)
                yield message.payload


def delivery(received: Sequence[Received]) -> Delivery:
    """Count what came, and check each message against the schema of its topic."""
    numbers = {int(event["seq"]) for event in events(received) if isinstance(event.get("seq"), int)}
    invalid = [problem for message in received if (problem := _schema_problem(message))]
    return Delivery(max(numbers, default=0), len(numbers), tuple(invalid))


def visits(received: Sequence[Received]) -> tuple[Visit, ...]:
    """The visits in the order of their enter events."""
    told: dict[str, list[dict[str, Any]]] = {}
    for event in events(received):
        if "track" in event:
            told.setdefault(event["track"], []).append(event)
    return tuple(_visit(track, story) for track, story in told.items())


def problems(received: Sequence[Received], expected: Sequence[str], measured: Measurement, run: Run) -> tuple[str, ...]:
    """All that is not as it must be, one line each; empty when the demo succeeded.

    Args:
        expected: Who truly visits, in order.
    """
    return (*_delivery_problems(received, run), *_visit_problems(received, expected), *_measured_problems(measured))


def _delivery_problems(received: Sequence[Received], run: Run) -> Iterator[str]:
    count = delivery(received)
    if run.exit_code != 0:
        yield f"the daemon ended with exit code {run.exit_code}: see daemon.log"
    if run.tensorflow:
        yield "the daemon loaded TensorFlow"
    if run.peak_rss_mb > RSS_LIMIT_MB:
        yield f"the daemon used {run.peak_rss_mb:.0f} MB of memory, more than {RSS_LIMIT_MB}"
    if count.received != count.published:
        yield f"{count.published} events were published, but {count.received} received"
    yield from count.invalid
    presence = [message.payload for message in received if message.kind == "availability"]
    if presence != ["online", "offline"]:
        yield f"availability should go online and then offline, but was {presence}"


def _visit_problems(received: Sequence[Received], expected: Sequence[str]) -> Iterator[str]:
    seen = visits(received)
    names = [", ".join(visit.names) or "nobody" for visit in seen]
    if names != list(expected):
        yield f"visits should be of {'; '.join(expected)}, but were of {'; '.join(names) or 'nobody'}"
    for visit in seen:
        who = f"{visit.track} ({', '.join(visit.names) or 'nobody'})"
        if visit.duration_s is None:
            yield f"{who} entered but never left"
        if visit.named_after_s is not None and visit.named_after_s > NAMED_WITHIN_S:
            yield f"{who} got a name only {visit.named_after_s:.2f} s after entering"


def _measured_problems(measured: Measurement) -> Iterator[str]:
    for visit in measured.visits:
        if visit.found_share < FOUND_SHARE:
            yield f"{visit.subject} was found in {visit.found_share:.1%} of the frames, less than {FOUND_SHARE:.0%}"
        if visit.named_after_s is None or visit.named_after_s > NAMED_WITHIN_S:
            after = "never" if visit.named_after_s is None else f"only after {visit.named_after_s:.2f} s"
            yield f"{visit.subject} was recognized {after}"
        if visit.names - {visit.subject}:
            yield f"{visit.subject} was taken for {', '.join(sorted(visit.names - {visit.subject}))}"
        if len(visit.tracks) > 1:
            yield f"one visit of {visit.subject} had {len(visit.tracks)} track ids"
    if measured.false_tracks:
        yield f"{len(measured.false_tracks)} tracks followed something that is no face"


def _visit(track: str, story: Sequence[dict[str, Any]]) -> Visit:
    entered = next((instant(event) for event in story if event["type"] == "enter"), None)
    left = next((instant(event) for event in story if event["type"] == "leave"), None)
    named = [event for event in story if event["identity"]["state"] == "known"]
    moods = [event["emotion"]["label"] for event in story if event["emotion"]["label"]]
    return Visit(
        track,
        names=tuple(dict.fromkeys(event["identity"]["subject"] for event in named)),
        named_after_s=(instant(named[0]) - entered).total_seconds() if named and entered else None,
        duration_s=(left - entered).total_seconds() if left and entered else None,
        moods=tuple(dict.fromkeys(moods)),
    )


def instant(event: dict[str, Any]) -> datetime:
    """When the frame of an event was captured, by the payload."""
    return datetime.fromisoformat(event["ts"].replace("Z", "+00:00"))  # Python 3.10 reads no "Z"


def _schema_problem(message: Received) -> str | None:
    error = next(_validator(message.kind.rpartition("/")[2]).iter_errors(message.payload), None)
    return f"{message.kind}: {error.json_path}: {error.message:.200}" if error else None


@functools.cache
def _validator(schema: str) -> Draft202012Validator:
    text = (resources.files("edge_fer.protocol") / "schemas" / f"{schema}.json").read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text))
