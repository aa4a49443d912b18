"""The demo's verdict on what the server received: one thing wrong at a time, each is told of."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from edge_fer.demo import show
from edge_fer.demo.measure import Measurement, VisitMeasure
from edge_fer.demo.server import Received
from edge_fer.demo.verdict import Run, delivery, problems, visits
from edge_fer.domain.events import FaceEvent, FaceEventType
from edge_fer.domain.faces import Emotion, EmotionState, Identity, IdentityState
from edge_fer.pipeline.timings import Timings
from edge_fer.protocol.clock import iso_utc
from edge_fer.protocol.messages import encode
from edge_fer.protocol.payloads import Payloads
from edge_fer.protocol.topics import Topics
from edge_fer.samples import scene

EPOCH = datetime(2026, 11, 20, 9, 14, 3, tzinfo=timezone.utc)
EXPECTED = tuple(portrait.subject for portrait, _ in scene.VISITS)
RUN = Run(started_s=100.0, exit_code=0, peak_rss_mb=150, tensorflow=False)
HAPPY = Emotion(EmotionState.OK, "happy", {"happy": 0.9, "sad": 0.1}, 1.0)
PAYLOADS = Payloads(Topics("demo", "demo"), {})


def face(kind: FaceEventType, track: int, at_s: float, name: str | None = None) -> Received:
    """A face event as the daemon makes it, without its number."""
    identity = Identity(IdentityState.KNOWN, name, 0.97, 0.1, 3) if name else Identity(IdentityState.PENDING)
    event = FaceEvent(kind, track, EPOCH + timedelta(seconds=at_s), (0.1, 0.1, 0.2, 0.2), None, identity, HAPPY)
    payload = PAYLOADS.event(event).payload
    assert isinstance(payload, dict)
    return Received("event/face", {**payload, "replayed": False}, 102 + at_s)


def visit(track: int, at_s: float, name: str) -> list[Received]:
    return [
        face(FaceEventType.ENTER, track, at_s),
        face(FaceEventType.UPDATE, track, at_s + 0.3, name),
        face(FaceEventType.LEAVE, track, at_s + 5, name),
    ]


def numbered(messages: list[Received]) -> list[Received]:
    """Events with seq from 1, between online and offline."""
    events = [
        Received(message.kind, {**message.payload, "seq": seq}, message.at_s)
        for seq, message in enumerate(messages, start=1)
        if isinstance(message.payload, dict)
    ]
    return [Received("availability", "online", 101), *events, Received("availability", "offline", 130)]


def good() -> list[Received]:
    return numbered([m for index, name in enumerate(EXPECTED) for m in visit(index + 1, 6.0 * index, name)])


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


def told(received: list[Received], seen: Measurement | None = None, run: Run = RUN) -> str:
    return "\n".join(problems(received, EXPECTED, seen or measured(), run))


def test_nothing_is_wrong_with_a_good_run() -> None:
    """No problem at all, and every message fits its schema."""
    assert told(good()) == ""
    assert delivery(good()).invalid == ()


def without_one(received: list[Received]) -> list[Received]:
    return [m for m in received if not (isinstance(m.payload, dict) and m.payload["seq"] == 4)]


def with_a_field_too_many(received: list[Received]) -> list[Received]:
    payload = received[1].payload
    assert isinstance(payload, dict)
    return [received[0], Received("event/face", {**payload, "color": "red"}, 0), *received[2:]]


def with_a_stranger(_: list[Received]) -> list[Received]:
    nobody = [face(FaceEventType.ENTER, 9, 20), face(FaceEventType.LEAVE, 9, 22)]
    return numbered([*(m for i, name in enumerate(EXPECTED) for m in visit(i + 1, 6.0 * i, name)), *nobody])


def with_two_names(_: list[Received]) -> list[Received]:
    messages = [m for i, name in enumerate(EXPECTED) for m in visit(i + 1, 6.0 * i, name)]
    messages.insert(2, face(FaceEventType.UPDATE, 1, 1, "Grace Hopper"))
    return numbered(messages)


def without_a_leave(_: list[Received]) -> list[Received]:
    return numbered([m for i, name in enumerate(EXPECTED) for m in visit(i + 1, 6.0 * i, name)][:-1])


def named_late(_: list[Received]) -> list[Received]:
    messages = [m for i, name in enumerate(EXPECTED) for m in visit(i + 1, 6.0 * i, name)]
    messages[1] = face(FaceEventType.UPDATE, 1, 1.5, EXPECTED[0])
    return numbered(messages)


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (without_one, "9 events were published, but 8 received"),
        (with_a_field_too_many, "color"),
        (with_a_stranger, "nobody"),
        (with_two_names, "Eileen Collins, Grace Hopper; Grace Hopper; Eileen Collins"),
        (without_a_leave, "t-3 (Eileen Collins) entered but never left"),
        (named_late, "only 1.50 s after entering"),
        (lambda received: received[:-1], "availability should go online and then offline"),
        (lambda received: [], "nobody"),
    ],
)
def test_what_went_wrong_on_the_way_is_told(spoil: Callable[[list[Received]], list[Received]], word: str) -> None:
    """Each fault of the events has its line."""
    assert word in told(spoil(good()))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"found": 94}, "found in 94.0% of the frames"),
        ({"named_after_s": None}, "recognized never"),
        ({"named_after_s": 1.04}, "only after 1.04 s"),
        ({"names": {EXPECTED[0], "Grace Hopper"}}, "taken for Grace Hopper"),
        ({"tracks": {1, 2}}, "2 track ids"),
    ],
)
def test_what_was_seen_wrongly_is_told(changes: dict[str, Any], word: str) -> None:
    """Each fault of the measurement has its line, and only one."""
    text = told(good(), measured(**changes))
    assert word in text
    assert len(text.splitlines()) == 1


def test_a_false_track_is_told() -> None:
    """Something followed that is no face."""
    seen = measured()
    seen.false_tracks.add(5)
    assert "no face" in told(good(), seen)


@pytest.mark.parametrize(
    ("run", "word"),
    [
        (replace(RUN, exit_code=70), "exit code 70"),
        (replace(RUN, peak_rss_mb=351), "351 MB"),
        (replace(RUN, tensorflow=True), "TensorFlow"),
    ],
)
def test_what_the_process_did_wrong_is_told(run: Run, word: str) -> None:
    """Exit code, memory, TensorFlow."""
    assert word in told(good(), run=run)


def test_an_event_that_came_twice_counts_once() -> None:
    """QoS 1 may deliver again; the id says that it is the same."""
    received = good()
    assert delivery([*received, received[3]]).received == 9
    assert visits([*received, received[3]]) == visits(received)


def test_a_visit_is_told_by_its_events() -> None:
    """Names, times by the frames' own clock, moods."""
    first = visits(good())[0]
    assert (first.track, first.names, first.moods) == ("t-1", (EXPECTED[0],), ("happy",))
    assert first.named_after_s == pytest.approx(0.3)
    assert first.duration_s == pytest.approx(5.0)


def test_the_summary_has_every_figure_that_was_promised() -> None:
    """Frames, rate, latency, overhead, memory, events, and each visit twice: as told and as measured."""
    console = Console(width=120, file=io.StringIO(), record=True)
    console.print(show.summary(good(), measured(), RUN))
    text = console.export_text()
    assert "100 frames a second" in text
    assert "p50 10.0 ms, p95 10.0 ms" in text
    assert "p50 2.0 ms" in text
    assert "150 MB, no TensorFlow" in text
    assert "2.0 s after the process started" in text
    assert "9 published = 9 received, 0 against schema" in text
    assert "3, of 2 people known by name" in text
    assert text.count("Eileen Collins") == 4
    assert "found in 100.0% of 100 frames" in text


@pytest.mark.parametrize(
    ("found", "word"), [((), "nothing was lost"), (("[x] went wrong",), "NOT RIGHT: [x] went wrong")]
)
def test_the_last_lines_say_whether_it_is_well(found: tuple[str, ...], word: str) -> None:
    """And where the pictures are; text in brackets is no markup."""
    console = Console(width=120, file=io.StringIO(), record=True)
    show.verdict(console, found, Path("build/demo"))
    text = console.export_text()
    assert "build/demo/annotated.png" in text
    assert word in text


def test_events_become_lines_of_a_table() -> None:
    """Each value stands under its title."""
    titles = show.header().plain
    payload = good()[2].payload
    assert isinstance(payload, dict)
    row = show.event_row(payload, 0.3).plain
    assert row[titles.index("event") :].startswith("face update")
    assert row[titles.index("track") :].startswith("t-1")
    assert row[titles.index("who") :].startswith("Eileen Collins 0.970")
    assert row[titles.index("how") :].startswith("happy 90%")
    assert "0.30 s" in row


def test_a_system_event_has_its_detail_in_the_table() -> None:
    """It has no face, so the text stands where the emotion would."""
    event = {"schema": "edge_fer.system/1", "type": "gap", "ts": iso_utc(EPOCH), "detail": "3 events were dropped"}
    assert show.event_row(event, 1.0).plain.split("gap")[1].strip() == "3 events were dropped"


def test_payloads_in_these_tests_are_as_on_the_wire() -> None:
    """They can be encoded."""
    for message in good():
        assert encode(message.payload)
