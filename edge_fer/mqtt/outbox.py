"""Events on their way to the broker: bounded, in order, kept until the broker has acknowledged them.

In memory: what has not been acknowledged when the process ends is lost, and the next run starts at 1 under a new boot
id. The outbox assigns `seq`: the order of numbers is the order on the wire, whichever thread an event comes from.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace

from edge_fer.domain.events import Gap
from edge_fer.protocol.messages import Message


@dataclass(frozen=True, slots=True)
class Entry:
    """One event in the outbox.

    Attributes:
        seq: Its number in this run, from 1.
        replayed: It is from before the present connection: a server should not act on it as if it were now.
    """

    seq: int
    message: Message
    replayed: bool = False

    def numbered(self) -> Message:
        """The message to send: the event with its place in the stream."""
        if isinstance(self.message.payload, str):
            return self.message  # no event has plain text: encoding it will fail
        return replace(self.message, payload={**self.message.payload, "seq": self.seq, "replayed": self.replayed})


class Outbox:
    """A first-in, first-out queue that forgets an entry only when it is done, or when too many wait.

    Any thread puts; one thread, the one with the connection, takes.

    Args:
        limit: Entries that may wait; one more drops the oldest.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._waiting: deque[Entry] = deque()
        self._sent: dict[int, Entry] = {}
        self._next_seq = 1
        self._dropped = 0
        self._gap: Gap | None = None

    def __len__(self) -> int:
        with self._lock:
            return len(self._waiting) + len(self._sent)

    @property
    def dropped(self) -> int:
        """Entries dropped since the start."""
        with self._lock:
            return self._dropped

    def put(self, message: Message) -> int:
        """Queue an event; returns its `seq`."""
        with self._lock:
            entry = Entry(self._next_seq, message)
            self._next_seq += 1
            self._waiting.append(entry)
            self._trim()
            return entry.seq

    def take(self) -> Entry | None:
        """The oldest waiting entry, to be sent now; it stays in the outbox until `done` or `restart`."""
        with self._lock:
            if not self._waiting:
                return None
            entry = self._waiting.popleft()
            self._sent[entry.seq] = entry
            return entry

    def done(self, seq: int) -> None:
        """Forget this entry: the broker has acknowledged it, or it cannot be sent."""
        with self._lock:
            self._sent.pop(seq, None)

    def restart(self) -> None:
        """A new connection: what was sent but not acknowledged waits again, and all that waits is replayed."""
        with self._lock:
            entries = [*self._sent.values(), *self._waiting]
            self._sent.clear()
            self._waiting = deque(replace(entry, replayed=True) for entry in entries)
            self._trim()

    def take_gap(self) -> Gap | None:
        """What was dropped since the last call; None while entries still wait: a gap is reported once, after them."""
        with self._lock:
            if self._waiting:
                return None
            gap, self._gap = self._gap, None
            return gap

    def _trim(self) -> None:
        while len(self._waiting) > self._limit:
            seq = self._waiting.popleft().seq
            self._dropped += 1
            first, dropped = (self._gap.first_seq, self._gap.dropped) if self._gap else (seq, 0)
            last = max(self._gap.last_seq, seq) if self._gap else seq
            self._gap = Gap(dropped + 1, min(first, seq), last)
