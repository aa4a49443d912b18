"""What a subscriber shows of a device, and how it counts what it missed."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from edge_fer.diagnostics.live_table import LiveTable
from edge_fer.domain.events import Event, FaceEventType, Gap
from edge_fer.domain.faces import Identity, IdentityState
from edge_fer.mqtt.outbox import Entry
from edge_fer.protocol.messages import Message, encode
from edge_fer.protocol.payloads import Payloads
from edge_fer.protocol.topics import Topics
from tests.factories import SAD, emotion_event, face_event, health_message

TOPICS = Topics("school-7", "room-b204")
PAYLOADS = Payloads(TOPICS, {}, is_synced=lambda: True)


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
def board(clock: Clock) -> LiveTable:
    """A board that has heard nothing."""
    return LiveTable(TOPICS, clock)


def shown(board: LiveTable) -> str:
    """The board as text, without trailing blanks."""
    console = Console(file=StringIO(), width=140, color_system=None)
    console.print(board.render())
    output = console.file
    assert isinstance(output, StringIO)
    return "\n".join(line.rstrip() for line in output.getvalue().splitlines())


def send(board: LiveTable, event: Event, seq: int, payloads: Payloads = PAYLOADS, **changes: object) -> bytes:
    """Put an event on the board; returns its payload."""
    message = payloads.event(event)
    payload: Mapping[str, Any] = {**Entry(seq, message).payload(), **changes}
    board.take(message.topic, encode(payload))
    return encode(payload)


def tell(board: LiveTable, message: Message) -> None:
    """Put a message that is no event on the board."""
    board.take(message.topic, encode(message.payload))


def test_a_silent_device_is_said_to_be_silent(board: LiveTable) -> None:
    """Before the first message: nobody, no word."""
    device, health, header, rows = shown(board).splitlines()
    assert (device, health) == ("edge_fer/school-7/room-b204: no word yet", "health: no word yet")
    assert header.split() == ["track", "who", "similarity", "emotion", "face", "px", "since", "last", "event"]
    assert rows == "nobody"


def test_a_visit_shows_who_and_how(board: LiveTable) -> None:
    """One row: name, similarity, emotion, size."""
    send(board, face_event(), 1)
    row = shown(board).splitlines()[-1].split()
    assert row[:5] == ["t-1", "ada", "0.951", "happy", "71"]
    assert row[-2] == "enter"


def test_an_emotion_event_changes_the_row(board: LiveTable) -> None:
    """Without a face event in between."""
    send(board, face_event(), 1)
    send(board, emotion_event(SAD), 2)
    assert " sad " in shown(board)
    assert " happy " not in shown(board)


def test_an_emotion_of_an_unseen_track_shows_nothing(board: LiveTable) -> None:
    """A subscriber that came late waits for the next face event."""
    send(board, emotion_event(), 1)
    assert "nobody" in shown(board)


def test_who_is_not_known_is_shown_by_state(board: LiveTable) -> None:
    """No subject: pending, unknown, ..."""
    send(board, face_event(identity=Identity(IdentityState.PENDING)), 1)
    assert shown(board).splitlines()[-1].split()[1:3] == ["pending", "-"]


def test_who_left_stays_for_a_moment(board: LiveTable, clock: Clock) -> None:
    """Long enough to be read."""
    send(board, face_event(), 1)
    send(board, face_event(FaceEventType.LEAVE), 2)
    assert "leave" in shown(board)
    send(board, emotion_event(SAD), 3)
    assert "sad" not in shown(board)
    clock.now_s += 6
    assert "nobody" in shown(board)


def test_availability_and_health_have_lines(board: LiveTable) -> None:
    """The device's own state stands above the table."""
    board.take(TOPICS.availability, b"online")
    tell(board, health_message(PAYLOADS))
    assert "edge_fer/school-7/room-b204: online" in shown(board)
    assert "health: camera ok, 14.99 frames/s, latency p50 42.0 p95 71.3 ms, 181.2 MB, 61.3 °C" in shown(board)


def test_offline_empties_the_board(board: LiveTable) -> None:
    """Nobody can be said to be there."""
    send(board, face_event(), 1)
    board.take(TOPICS.availability, b"offline")
    assert "nobody" in shown(board)


def test_a_system_event_is_shown(board: LiveTable) -> None:
    """The last one, with its detail."""
    message = PAYLOADS.gap(Gap(3, 1, 3))
    board.take(message.topic, encode(Entry(4, message).payload()))
    assert "gap: 3 events were dropped while the broker was away" in shown(board)


def test_missing_numbers_are_counted(board: LiveTable) -> None:
    """1, 2, 5: two never came. The first number heard is no gap."""
    for seq in (7, 8, 11):
        send(board, face_event(), seq)
    assert board.missed == 2
    assert "2 events missed" in shown(board)


def test_the_same_event_twice_counts_once(board: LiveTable) -> None:
    """QoS 1 may deliver twice; the id tells."""
    payload = send(board, face_event(), 1)
    send(board, face_event(FaceEventType.LEAVE), 2)
    board.take(TOPICS.face, payload)
    assert "leave" in shown(board)
    assert board.missed == 0


def test_a_new_boot_begins_anew(board: LiveTable) -> None:
    """Another boot_id: seq starts at 1 again, and the old visits are gone."""
    send(board, face_event(track_id=9), 40)
    send(board, face_event(), 1, Payloads(TOPICS, {}))
    assert board.missed == 0
    assert "t-9" not in shown(board)


@pytest.mark.parametrize("payload", [b"", b"no json", b"[]", b"{}", b'{"id": 1}', b"null", b"\xff", b'"text"'])
@pytest.mark.parametrize("topic", [TOPICS.face, TOPICS.emotion, TOPICS.system])
def test_what_is_not_ours_is_counted_and_left_alone(board: LiveTable, topic: str, payload: bytes) -> None:
    """Anybody may publish anything; the table goes on."""
    board.take(topic, payload)
    assert board.unreadable == 1
    assert "1 messages not readable" in shown(board)


def test_other_topics_are_left_alone(board: LiveTable) -> None:
    """Such as a command and its reply."""
    board.take(f"{TOPICS.root}/cmd/ping", b"{}")
    assert board.unreadable == 0


def test_a_name_cannot_steer_the_terminal(board: LiveTable) -> None:
    """Neither as rich's markup nor as an escape sequence."""
    send(board, face_event(identity=Identity(IdentityState.KNOWN, "[red]\x1b[2Jmallory", 0.9, 0.1, 3)), 1)
    assert "[red]?[2Jmallory" in shown(board)
