"""What the subscriber received, checked: pure functions on messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from edge_fer.demo.measure import Measurement
from edge_fer.domain.events import FaceEventType
from edge_fer.domain.faces import IdentityState
from edge_fer.protocol.event_stream import EventStream
from edge_fer.protocol.messages import ReceivedMessage
from edge_fer.protocol.payload_parts import EventPayload
from edge_fer.protocol.payloads import AvailabilityPayload, EmotionPayload, FacePayload

NAMED_WITHIN_S = 1.0
FOUND_SHARE = 0.95
RSS_LIMIT_MB = 350


@dataclass(frozen=True, slots=True)
class Reception:
    """All that arrived.

    Attributes:
        messages: In the order of their arrival.
        rejected: How many messages were not readable.
        last_rejection: What was wrong with the last of them.
    """

    messages: tuple[ReceivedMessage, ...]
    rejected: int = 0
    last_rejection: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Events on their way from the daemon to the subscriber.

    Attributes:
        received: Different events that arrived.
        missing: Events that never came, by their sequence numbers.
    """

    received: int
    missing: int

    @property
    def published(self) -> int:
        return self.received + self.missing


@dataclass(frozen=True, slots=True)
class Visit:
    """One track as its events report it.

    Attributes:
        names: Every name that it was given, in order.
        named_after_s: From enter to the first name, by the frames' own time.
        duration_s: From enter to leave; None when no leave came.
        emotions: Every emotion that was reported, in order.
    """

    track: str
    names: tuple[str, ...]
    named_after_s: float | None
    duration_s: float | None
    emotions: tuple[str, ...]


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


def delivery(reception: Reception) -> Delivery:
    """Count the events that arrived and those that did not; the subscriber listens since before the first."""
    stream = EventStream(from_start=True)
    received = sum(stream.is_new(event) for event in _events(reception.messages))
    return Delivery(received, stream.missing)


def visits(reception: Reception) -> tuple[Visit, ...]:
    """The visits in the order of their enter events; an event that came twice changes none."""
    by_track: dict[str, list[FacePayload | EmotionPayload]] = {}
    for event in _events(reception.messages):
        if isinstance(event, FacePayload | EmotionPayload):
            by_track.setdefault(event.track, []).append(event)
    return tuple(_visit(track, events) for track, events in by_track.items())


def problems(reception: Reception, expected: Sequence[str], measured: Measurement, run: Run) -> tuple[str, ...]:
    """All that is not as it must be, one line each; empty when the demo succeeded.

    Args:
        expected: Who truly visits, in order.
    """
    return (
        *_process_problems(run),
        *_delivery_problems(reception),
        *_visit_problems(visits(reception), expected),
        *_measured_problems(measured),
    )


def _process_problems(run: Run) -> Iterator[str]:
    if run.exit_code != 0:
        yield f"the daemon ended with exit code {run.exit_code}: see daemon.log"
    if run.tensorflow:
        yield "the daemon loaded TensorFlow"
    if run.peak_rss_mb > RSS_LIMIT_MB:
        yield f"the daemon used {run.peak_rss_mb:.0f} MB of memory, more than {RSS_LIMIT_MB}"


def _delivery_problems(reception: Reception) -> Iterator[str]:
    count = delivery(reception)
    if count.missing:
        yield f"{count.published} events were published, but {count.received} received"
    if reception.rejected:
        yield f"{reception.rejected} messages were not readable, the last: {reception.last_rejection}"
    payloads = [message.payload for message in reception.messages]
    availability = [payload.root for payload in payloads if isinstance(payload, AvailabilityPayload)]
    if availability != ["online", "offline"]:
        yield f"availability should go online and then offline, but was {availability}"


def _visit_problems(seen: Sequence[Visit], expected: Sequence[str]) -> Iterator[str]:
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
        if visit.named_after_s is None:
            yield f"{visit.subject} was never recognized"
        elif visit.named_after_s > NAMED_WITHIN_S:
            yield f"{visit.subject} was recognized only after {visit.named_after_s:.2f} s"
        if visit.names - {visit.subject}:
            yield f"{visit.subject} was mistaken for {', '.join(sorted(visit.names - {visit.subject}))}"
        if len(visit.tracks) > 1:
            yield f"one visit of {visit.subject} had {len(visit.tracks)} track ids"
    if measured.false_tracks:
        yield f"{len(measured.false_tracks)} tracks followed something that is not a face"


def _events(messages: Iterable[ReceivedMessage]) -> Iterator[EventPayload]:
    return (message.payload for message in messages if isinstance(message.payload, EventPayload))


def _visit(track: str, events: Sequence[FacePayload | EmotionPayload]) -> Visit:
    entered = next((event.ts for event in events if event.type is FaceEventType.ENTER), None)
    left = next((event.ts for event in events if event.type is FaceEventType.LEAVE), None)
    named = [event for event in events if event.identity.state is IdentityState.KNOWN]
    return Visit(
        track,
        names=tuple(dict.fromkeys(event.identity.subject for event in named if event.identity.subject)),
        named_after_s=(named[0].ts - entered).total_seconds() if named and entered else None,
        duration_s=(left - entered).total_seconds() if left and entered else None,
        emotions=tuple(dict.fromkeys(event.emotion.label for event in events if event.emotion.label)),
    )
