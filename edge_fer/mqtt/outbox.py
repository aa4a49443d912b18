"""Events on their way to the broker: bounded, in order, kept until the broker has them.

In memory: what has not been acknowledged when the process ends is lost, and the sequence starts anew with the next
boot id. The outbox owns `seq`: the order of numbers is the order on the wire, whichever thread an event comes from.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from edge_fer.domain.events import Gap
from edge_fer.protocol.messages import Message


@dataclass(frozen=True, slots=True)
class Entry:
    """One event in the outbox.

    Attributes:
        seq: Its number in this run, from 1.
        replayed: It was made before the present connection: a server should not act on it as if it were now.
    """

    seq: int
    message: Message
    replayed: bool = False

    def payload(self) -> Mapping[str, Any]:
        """The event's fields, complete."""
        if isinstance(self.message.payload, str):
            raise TypeError(f"an event is a JSON object, got text for {self.message.topic}")
        return {**self.message.payload, "seq": self.seq, "replayed": self.replayed}


class Outbox:
    """A first-in, first-out queue that forgets an entry only when it is done, or when it is full.

    Any thread puts; one thread, the one with the connection, takes.

    Args:
        limit: Entries that may wait; one more pushes out the oldest.
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
        """Entries pushed out since the start."""
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
        """The broker answered for this entry."""
        with self._lock:
            self._sent.pop(seq, None)

    def restart(self) -> None:
        """A new connection: what was sent without an answer waits again, and all that waits is a replay."""
        with self._lock:
            entries = [*self._sent.values(), *self._waiting]
            self._sent.clear()
            self._waiting = deque(replace(entry, replayed=True) for entry in entries)
            self._trim()

    def take_gap(self) -> Gap | None:
        """What was dropped since the last answer; None while entries still wait: a gap is told once, behind them."""
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
