"""The demo's verdict on what was received: one thing wrong at a time, each is reported."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from edge_fer.demo import show
from edge_fer.demo.measure import Measurement, VisitMeasure
from edge_fer.demo.verdict import Delivery, Reception, Run, delivery, problems, visits
from edge_fer.domain.events import EmotionEvent, EmotionEventType, Event, FaceEvent, FaceEventType, Gap
from edge_fer.domain.faces import Emotion, EmotionState, Identity, IdentityState
from edge_fer.mqtt.outbox import Entry
from edge_fer.pipeline.timings import Timings
from edge_fer.protocol.message_builder import MessageBuilder
from edge_fer.protocol.messages import availability_message
from edge_fer.protocol.payloads import EmotionPayload, FacePayload, SystemPayload
from edge_fer.protocol.topics import Topics
from edge_fer.samples import scene
from tests.factories import arrived

EPOCH = datetime(2026, 11, 20, 9, 14, 3, tzinfo=timezone.utc)
EXPECTED = tuple(portrait.subject for portrait, _ in scene.VISITS)
RUN = Run(started_s=100.0, exit_code=0, peak_rss_mb=150, tensorflow=False)
HAPPY = Emotion(EmotionState.OK, "happy", {"happy": 0.9, "sad": 0.1}, 1.0)
TOPICS = Topics("demo", "demo")
BUILDER = MessageBuilder(TOPICS, {})
ONLINE = arrived(availability_message(TOPICS, online=True), received_s=101)
OFFLINE = arrived(availability_message(TOPICS, online=False), received_s=130)


def face(kind: FaceEventType, track: int, at_s: float, name: str | None = None) -> FaceEvent:
    identity = Identity(IdentityState.KNOWN, name, 0.97, 0.1, 3) if name else Identity(IdentityState.PENDING)
    return FaceEvent(kind, track, EPOCH + timedelta(seconds=at_s), (0.1, 0.1, 0.2, 0.2), None, identity, HAPPY)


def visit(track: int, at_s: float, name: str) -> list[FaceEvent]:
    return [
        face(FaceEventType.ENTER, track, at_s),
        face(FaceEventType.UPDATE, track, at_s + 0.3, name),
        face(FaceEventType.LEAVE, track, at_s + 5, name),
    ]


def good_events() -> list[FaceEvent]:
    """A visit of each person, in order."""
    return [event for index, name in enumerate(EXPECTED) for event in visit(index + 1, 6.0 * index, name)]


def reception(events: Sequence[Event], *, without_seq: int | None = None) -> Reception:
    """What arrives when a device reports these events: online, events with seq from 1, offline."""
    numbered = [Entry(seq, BUILDER.event(event)) for seq, event in enumerate(events, start=1)]
    faces = [
        arrived(entry.numbered(), received_s=102 + (entry.seq - 1)) for entry in numbered if entry.seq != without_seq
    ]
    return Reception((ONLINE, *faces, OFFLINE))


def good() -> Reception:
    return reception(good_events())


def measured(**changes: Any) -> Measurement:
    """A pass in which everything was found, but for `changes` to the first visit."""
    result = Measurement()
    result.visits = [
        VisitMeasure(name, visible=100, found=100, tracks={index}, names={name}, named_after_s=0.2)
        for index, name in enumerate(EXPECTED)
    ]
    result.visits[0] = replace(result.visits[0], **changes)
    result.add(0, (), (), Timings(total_s=0.01, invoke_s=0.008))
    return result


def found(received: Reception, seen: Measurement | None = None, run: Run = RUN) -> str:
    """The problems, one a line."""
    return "\n".join(problems(received, EXPECTED, seen or measured(), run))


def test_nothing_is_wrong_with_a_good_run() -> None:
    """No problem at all, and every event is there."""
    assert found(good()) == ""
    assert delivery(good()) == Delivery(received=9, missing=0)


def with_an_unknown_person() -> Reception:
    nobody = [face(FaceEventType.ENTER, 9, 20), face(FaceEventType.LEAVE, 9, 22)]
    return reception([*good_events(), *nobody])


def with_two_names() -> Reception:
    events = good_events()
    return reception([*events[:2], face(FaceEventType.UPDATE, 1, 1, "Grace Hopper"), *events[2:]])


def named_late() -> Reception:
    events = good_events()
    return reception([events[0], face(FaceEventType.UPDATE, 1, 1.5, EXPECTED[0]), *events[2:]])


@pytest.mark.parametrize(
    ("received", "word"),
    [
        (reception(good_events(), without_seq=4), "9 events were published, but 8 received"),
        (reception(good_events(), without_seq=1), "9 events were published, but 8 received"),
        (replace(good(), rejected=1, last_rejection="event/face: color: extra"), "1 messages were not readable, the"),
        (replace(good(), rejected=1, last_rejection="event/face: color: extra"), "last: event/face: color: extra"),
        (with_an_unknown_person(), "nobody"),
        (with_two_names(), "Eileen Collins, Grace Hopper; Grace Hopper; Eileen Collins"),
        (reception(good_events()[:-1]), "t-3 (Eileen Collins) entered but never left"),
        (named_late(), "only 1.50 s after entering"),
        (Reception(good().messages[:-1]), "availability should go online and then offline"),
        (Reception(()), "nobody"),
    ],
)
def test_each_fault_of_the_messages_is_reported(received: Reception, word: str) -> None:
    """One thing is wrong, and has its line."""
    assert word in found(received)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"found": 94}, "found in 94.0% of the frames"),
        ({"named_after_s": None}, "was never recognized"),
        ({"named_after_s": 1.04}, "only after 1.04 s"),
        ({"names": {EXPECTED[0], "Grace Hopper"}}, "mistaken for Grace Hopper"),
        ({"tracks": {1, 2}}, "2 track ids"),
    ],
)
def test_each_fault_of_the_measurement_is_reported(changes: dict[str, Any], word: str) -> None:
    """In one line, and only one."""
    text = found(good(), measured(**changes))
    assert word in text
    assert len(text.splitlines()) == 1


def test_a_false_track_is_reported() -> None:
    """Something was followed that is not a face."""
    seen = measured()
    seen.false_tracks.add(5)
    assert "not a face" in found(good(), seen)


@pytest.mark.parametrize(
    ("run", "word"),
    [
        (replace(RUN, exit_code=70), "exit code 70"),
        (replace(RUN, peak_rss_mb=351), "351 MB"),
        (replace(RUN, tensorflow=True), "TensorFlow"),
    ],
)
def test_each_fault_of_the_process_is_reported(run: Run, word: str) -> None:
    """Exit code, memory, TensorFlow."""
    assert word in found(good(), run=run)


def test_an_event_that_came_twice_counts_once() -> None:
    """QoS 1 may deliver again; the id says that it is the same."""
    received = good()
    twice = Reception((*received.messages, received.messages[3]))
    assert delivery(twice).received == 9
    assert visits(twice) == visits(received)


def test_a_visit_is_what_its_events_say() -> None:
    """Names, times by the frames' own clock, emotions."""
    first = visits(good())[0]
    assert (first.track, first.names, first.emotions) == ("t-1", (EXPECTED[0],), ("happy",))
    assert first.named_after_s == pytest.approx(0.3)
    assert first.duration_s == pytest.approx(5.0)


def test_the_summary_has_every_figure_that_was_promised() -> None:
    """Frames, rate, latency, overhead, memory, events, and each visit twice: as reported and as measured."""
    console = Console(width=120, file=io.StringIO(), record=True)
    console.print(show.summary(good(), measured(), RUN))
    text = console.export_text()
    assert "100 frames a second" in text
    assert "p50 10.0 ms, p95 10.0 ms" in text
    assert "p50 2.0 ms" in text
    assert "150 MB, no TensorFlow" in text
    assert "2.0 s after the process started" in text
    assert "9 published, 9 received, 0 not readable" in text
    assert "3, of 2 people known by name" in text
    assert text.count("Eileen Collins") == 4
    assert "found in 100.0% of 100 frames" in text


@pytest.mark.parametrize(
    ("wrong", "word"), [((), "no event was lost"), (("[x] went wrong",), "FAILED: [x] went wrong")]
)
def test_the_last_lines_say_whether_it_succeeded(wrong: tuple[str, ...], word: str) -> None:
    """And where the pictures are; text in brackets is no markup."""
    console = Console(width=120, file=io.StringIO(), record=True)
    show.verdict(console, wrong, Path("build/demo"))
    text = console.export_text()
    assert "build/demo/annotated.png" in text
    assert word in text


def test_events_become_lines_of_a_table() -> None:
    """Each value stands under its title."""
    titles = show.header().plain
    payload = good().messages[2].payload
    assert isinstance(payload, FacePayload)
    row = show.event_row(payload, 0.3).plain
    assert row[titles.index("event") :].startswith("face update")
    assert row[titles.index("track") :].startswith("t-1")
    assert row[titles.index("who") :].startswith("Eileen Collins 0.970")
    assert row[titles.index("emotion") :].startswith("happy 90%")
    assert "0.30 s" in row


def test_a_system_event_has_its_detail_in_the_table() -> None:
    """It has no face, so the text stands where the emotion would."""
    payload = arrived(Entry(1, BUILDER.gap(Gap(3, 1, 3))).numbered()).payload
    assert isinstance(payload, SystemPayload)
    row = show.event_row(payload, 1.0).plain
    assert row.split("gap")[1].strip() == "3 events were dropped while the broker was away"


def test_who_is_not_known_is_shown_by_state() -> None:
    """No name, and no emotion where there is none."""
    event = EmotionEvent(
        EmotionEventType.CHANGE, 1, EPOCH, Identity(IdentityState.UNKNOWN, None, 0.5), Emotion(EmotionState.ABSTAIN)
    )
    payload = arrived(Entry(1, BUILDER.event(event)).numbered()).payload
    assert isinstance(payload, EmotionPayload)
    assert show.event_row(payload, 0.0).plain.split() == ["0.00", "s", "emotion", "change", "t-1", "unknown", "abstain"]
