"""The outbox: order, limit, at-least-once, and the count of what was dropped."""

from __future__ import annotations

import dataclasses
import threading

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge_fer.domain.events import Gap
from edge_fer.mqtt.outbox import Outbox
from edge_fer.protocol.messages import Message


def event(number: int) -> Message:
    """An event with a number in it."""
    return Message("edge_fer/s/d/event/face", {"number": number})


def take_all(outbox: Outbox) -> list[int]:
    """Take all that waits; its numbers."""
    seqs = []
    while entry := outbox.take():
        seqs.append(entry.seq)
    return seqs


def test_events_come_out_in_order_with_rising_seq() -> None:
    """First in, first out; numbers from 1."""
    outbox = Outbox(10)
    assert [outbox.put(event(number)) for number in range(3)] == [1, 2, 3]
    assert take_all(outbox) == [1, 2, 3]


def test_an_entry_stays_until_it_is_done() -> None:
    """Taking is not forgetting: only the broker's acknowledgment ends it."""
    outbox = Outbox(10)
    outbox.put(event(0))
    outbox.take()
    assert len(outbox) == 1
    outbox.done(1)
    assert len(outbox) == 0


def test_a_new_connection_sends_again_what_was_not_acknowledged() -> None:
    """In order, older first, marked as replayed; what comes after is not."""
    outbox = Outbox(10)
    for number in range(4):
        outbox.put(event(number))
    for _ in range(3):
        outbox.take()
    outbox.done(2)
    outbox.restart()
    outbox.put(event(4))
    entries = [outbox.take() for _ in range(4)]
    assert [(entry.seq, entry.replayed) for entry in entries if entry] == [(1, True), (3, True), (4, True), (5, False)]


def test_the_message_gets_seq_and_replayed() -> None:
    """The outbox completes the event; the message that was put is left alone."""
    outbox = Outbox(10)
    message = event(7)
    outbox.put(message)
    entry = outbox.take()
    assert entry is not None
    assert entry.numbered() == dataclasses.replace(message, payload={"number": 7, "seq": 1, "replayed": False})
    assert message.payload == {"number": 7}


def test_text_has_no_place_for_a_number() -> None:
    """It stays as it is, and is refused where it is encoded."""
    outbox = Outbox(10)
    message = Message("edge_fer/s/d/event/face", "text")
    outbox.put(message)
    entry = outbox.take()
    assert entry is not None
    assert entry.numbered() == message


def test_a_full_outbox_drops_the_oldest_and_says_how_many() -> None:
    """Twelve into ten: 1 and 2 go; the gap is reported once."""
    outbox = Outbox(10)
    for number in range(12):
        outbox.put(event(number))
    assert outbox.dropped == 2
    assert take_all(outbox) == list(range(3, 13))
    assert outbox.take_gap() == Gap(dropped=2, first_seq=1, last_seq=2)
    assert outbox.take_gap() is None
    assert outbox.dropped == 2


def test_a_gap_is_reported_after_what_waits() -> None:
    """So that seq rises on the wire, and a long outage makes one gap event, not hundreds."""
    outbox = Outbox(1)
    outbox.put(event(0))
    outbox.put(event(1))
    assert outbox.take_gap() is None
    outbox.take()
    assert outbox.take_gap() == Gap(1, 1, 1)


def test_without_drops_there_is_no_gap() -> None:
    """Nothing was dropped."""
    assert Outbox(10).take_gap() is None


def test_a_restart_of_a_full_outbox_drops_what_was_sent_first() -> None:
    """Unacknowledged entries come back to the head of the queue, where the oldest go first."""
    outbox = Outbox(10)
    for number in range(3):
        outbox.put(event(number))
    take_all(outbox)
    for number in range(10):
        outbox.put(event(number))
    outbox.restart()
    assert take_all(outbox) == list(range(4, 14))
    assert outbox.take_gap() == Gap(3, 1, 3)


def test_acknowledgments_of_unknown_entries_are_ignored() -> None:
    """A late PUBACK for what was dropped does no harm."""
    outbox = Outbox(10)
    outbox.done(99)
    assert len(outbox) == 0


class OutboxMachine(RuleBasedStateMachine):
    """Any order of calls: every seq is waiting, sent, done or dropped, and none is lost from the count."""

    def __init__(self) -> None:
        super().__init__()
        self.limit = 5
        self.outbox = Outbox(self.limit)
        self.put_count = 0
        self.sent: list[int] = []
        self.done_count = 0
        self.reported = 0

    @rule()
    def put(self) -> None:
        self.put_count += 1
        assert self.outbox.put(event(self.put_count)) == self.put_count

    @rule()
    def take(self) -> None:
        entry = self.outbox.take()
        if entry:
            assert not self.sent or entry.seq > self.sent[-1]
            self.sent.append(entry.seq)

    @rule(pick=st.integers(0, 100))
    def done(self, pick: int) -> None:
        if self.sent:
            self.outbox.done(self.sent.pop(pick % len(self.sent)))
            self.done_count += 1

    @rule()
    def restart(self) -> None:
        self.outbox.restart()
        self.sent.clear()

    @rule()
    def report_gap(self) -> None:
        gap = self.outbox.take_gap()
        if gap:
            self.reported += gap.dropped
            assert 1 <= gap.first_seq <= gap.last_seq <= self.put_count
            assert self.reported == self.outbox.dropped

    @invariant()
    def nothing_is_lost_from_the_count(self) -> None:
        assert len(self.outbox) + self.done_count + self.outbox.dropped == self.put_count
        assert len(self.outbox) - len(self.sent) <= self.limit


TestOutboxMachine = OutboxMachine.TestCase


@given(threads=st.integers(2, 4))
def test_many_threads_never_share_a_seq(threads: int) -> None:
    """The order of numbers is the order in the queue, whoever puts."""
    outbox = Outbox(10_000)
    each = 50
    workers = [
        threading.Thread(target=lambda: [outbox.put(event(number)) for number in range(each)]) for _ in range(threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert take_all(outbox) == list(range(1, threads * each + 1))
