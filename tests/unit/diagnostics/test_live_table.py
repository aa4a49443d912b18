"""What `edge-fer watch` shows of a device."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timezone
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from edge_fer.diagnostics import live_table
from edge_fer.diagnostics.live_table import LiveTable
from edge_fer.domain.events import Event, FaceEventType, Gap, SystemEvent, SystemEventType
from edge_fer.domain.faces import Emotion, EmotionState, Identity, IdentityState
from edge_fer.mqtt.outbox import Entry
from edge_fer.protocol.message_builder import MessageBuilder
from edge_fer.protocol.messages import Message, availability_message
from edge_fer.protocol.topics import Topics
from tests.factories import EPOCH, SAD, arrived, emotion_event, face_event, health_message

TOPICS = Topics("school-7", "room-b204")
BUILDER = MessageBuilder(TOPICS, {}, is_synced=lambda: True)


class Clock:
    """Monotonic seconds that a test moves."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """Stands still until moved."""
    return Clock()


@pytest.fixture
def table(clock: Clock) -> LiveTable:
    """A table that has received nothing."""
    return LiveTable(TOPICS, clock)


def shown(table: LiveTable, rejections: str = "") -> str:
    """The table as text, without trailing blanks."""
    console = Console(file=StringIO(), width=140, color_system=None)
    console.print(table.render(rejections))
    output = console.file
    assert isinstance(output, StringIO)
    return "\n".join(line.rstrip() for line in output.getvalue().splitlines())


def numbered(event: Event, seq: int, builder: MessageBuilder = BUILDER) -> Message:
    """The message of an event as the outbox completes it."""
    return Entry(seq, builder.event(event)).numbered()


def send(table: LiveTable, event: Event, seq: int, builder: MessageBuilder = BUILDER) -> None:
    """Give the table an event."""
    table.update(arrived(numbered(event, seq, builder)))


def test_before_the_first_message(table: LiveTable) -> None:
    """Nobody, no data."""
    device, health, header, rows = shown(table).splitlines()
    assert (device, health) == ("edge_fer/school-7/room-b204: no data yet", "health: no data yet")
    assert header.split() == ["track", "who", "similarity", "emotion", "face", "px", "since", "last", "event"]
    assert rows == "nobody"


def test_a_visit_shows_who_and_how(table: LiveTable) -> None:
    """One row: name, similarity, emotion, size."""
    send(table, face_event(), 1)
    row = shown(table).splitlines()[-1].split()
    assert row[:5] == ["t-1", "ada", "0.951", "happy", "71"]
    assert row[-2] == "enter"


def test_an_emotion_event_changes_the_row(table: LiveTable) -> None:
    """Without a face event in between."""
    send(table, face_event(), 1)
    send(table, emotion_event(SAD), 2)
    assert " sad " in shown(table)
    assert " happy " not in shown(table)


def test_an_emotion_of_an_unknown_track_shows_nothing(table: LiveTable) -> None:
    """A subscriber that joined late waits for the next face event."""
    send(table, emotion_event(), 1)
    assert "nobody" in shown(table)


def test_who_is_not_known_is_shown_by_state(table: LiveTable) -> None:
    """No subject: pending, unknown, ..."""
    send(table, face_event(identity=Identity(IdentityState.PENDING)), 1)
    assert shown(table).splitlines()[-1].split()[1:3] == ["pending", "-"]


def test_who_left_stays_for_a_moment(table: LiveTable, clock: Clock) -> None:
    """Long enough to be read."""
    send(table, face_event(), 1)
    send(table, face_event(FaceEventType.LEAVE), 2)
    assert "leave" in shown(table)
    send(table, emotion_event(SAD), 3)
    assert "sad" not in shown(table)
    clock.now_s += 6
    assert "nobody" in shown(table)


def test_availability_and_health_have_lines(table: LiveTable) -> None:
    """The device's own state stands above the table."""
    table.update(arrived(availability_message(TOPICS, online=True)))
    table.update(arrived(health_message(BUILDER)))
    assert "edge_fer/school-7/room-b204: online" in shown(table)
    assert "health: camera ok, 14.99 frames/s, latency p50 42.0 p95 71.3 ms, 181.2 MB, 61.3 °C" in shown(table)


def test_offline_empties_the_table(table: LiveTable) -> None:
    """Nobody can be said to be there."""
    send(table, face_event(), 1)
    table.update(arrived(availability_message(TOPICS, online=False)))
    assert "nobody" in shown(table)


def test_a_system_event_is_shown(table: LiveTable) -> None:
    """The last one, with its detail."""
    table.update(arrived(Entry(4, BUILDER.gap(Gap(3, 1, 3))).numbered()))
    assert "gap: 3 events were dropped while the broker was away" in shown(table)


def test_missing_events_are_counted(table: LiveTable) -> None:
    """7, 8, 11: two never came. The first number is taken as given."""
    for seq in (7, 8, 11):
        send(table, face_event(), seq)
    assert "2 events missed" in shown(table)


def test_messages_that_were_not_readable_are_counted(table: LiveTable) -> None:
    """In the words of the subscriber, which counted them."""
    assert "3 messages not readable (not JSON 3)" in shown(table, "3 messages not readable (not JSON 3)")


def test_the_same_event_twice_counts_once(table: LiveTable) -> None:
    """QoS 1 may deliver twice; the id tells."""
    enter = arrived(numbered(face_event(), 1))
    table.update(enter)
    send(table, face_event(FaceEventType.LEAVE), 2)
    table.update(enter)
    assert "leave" in shown(table)
    assert "missed" not in shown(table)


def test_a_new_run_of_the_daemon_empties_the_table(table: LiveTable) -> None:
    """Another boot_id: seq starts at 1 again, and the old visits are over, whatever still arrives of them."""
    send(table, face_event(track_id=9), 40)
    send(table, face_event(), 1, MessageBuilder(TOPICS, {}))
    send(table, face_event(track_id=9), 41)
    assert "missed" not in shown(table)
    assert "t-9" not in shown(table)
    assert "t-1" in shown(table)


def test_the_table_does_not_grow_without_end(table: LiveTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest visits make room."""
    monkeypatch.setattr(live_table, "_ROWS", 3)
    for track_id in range(1, 6):
        send(table, face_event(track_id=track_id), track_id)
    assert [line.split()[0] for line in shown(table).splitlines()[3:]] == ["t-3", "t-4", "t-5"]


def test_a_name_cannot_steer_the_terminal(table: LiveTable) -> None:
    """Neither as rich's markup nor as an escape sequence."""
    send(table, face_event(identity=Identity(IdentityState.KNOWN, "[red]\x1b[2Jmallory", 0.9, 0.1, 3)), 1)
    assert "[red]?[2Jmallory" in shown(table)


def test_a_long_text_is_cut(table: LiveTable) -> None:
    """One visit, one line; one system event, one line."""
    name = "x" * 10_000
    send(table, face_event(identity=Identity(IdentityState.KNOWN, name, 0.9, 0.1, 3)), 1)
    send(table, SystemEvent(SystemEventType.CAMERA_LOST, EPOCH, "y" * 10_000), 2)
    assert len(shown(table).splitlines()) == 5
    assert "x…" in shown(table)
    assert "y…" in shown(table)


@given(
    name=st.text(st.characters(codec="utf-8"), min_size=1),
    reason=st.text(st.characters(codec="utf-8")),
    at=st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31), timezones=st.just(timezone.utc)),
    track_id=st.integers(1, 10**15),
    similarity=st.none() | st.floats(-1, 1),
)
def test_any_valid_event_can_be_shown(
    name: str, reason: str, at: datetime, track_id: int, similarity: float | None
) -> None:
    """In one row, whatever its values."""
    table = LiveTable(TOPICS)
    identity = Identity(IdentityState.KNOWN, name, similarity)
    emotion = Emotion(EmotionState.ABSTAIN, None, {}, 1.0, reason)
    send(table, dataclasses.replace(face_event(track_id=track_id, identity=identity, emotion=emotion), at=at), 1)
    assert len(shown(table).splitlines()) == 4
