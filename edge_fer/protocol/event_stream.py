"""Which events of a device are new, and which never came: the rule of docs/mqtt.md, for every reader.

An event whose `id` was there before is a repetition. `seq` counts the events of one run of the daemon (`boot_id`) from
1; a number that is skipped is missing until it comes after all. A reader that joins in the middle of a run takes the
first number that it gets as given; every run that begins later is counted from 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

_REMEMBERED_IDS = 1000
"""A publisher has 20 events on their way at once, and only those can come again; a broker may add its own."""

_REMEMBERED_RUNS = 8
_REMEMBERED_GAPS = 1000
"""Of each run. What is older stays missing, whatever comes."""


class NumberedEvent(Protocol):
    """What identifies an event; every `EventPayload` has it."""

    @property
    def id(self) -> str: ...

    @property
    def boot_id(self) -> str: ...

    @property
    def seq(self) -> int: ...


@dataclass(slots=True)
class _Run:
    """The numbers of one run of the daemon.

    Attributes:
        last_seq: Highest number that came.
        gaps: Numbers below it that have not come, in rising order.
        lost: How many numbers are missing in gaps that are no longer remembered.
    """

    last_seq: int
    gaps: list[range] = field(default_factory=list)
    lost: int = 0

    @property
    def missing(self) -> int:
        return self.lost + sum(_size(gap) for gap in self.gaps)

    def add(self, seq: int) -> None:
        if seq > self.last_seq:
            if seq > self.last_seq + 1:
                self.gaps.append(range(self.last_seq + 1, seq))
            self.last_seq = seq
        else:
            self._fill(seq)
        if len(self.gaps) > _REMEMBERED_GAPS:
            self.lost += _size(self.gaps.pop(0))

    def _fill(self, seq: int) -> None:
        for index, gap in enumerate(self.gaps):
            if seq in gap:
                parts = (range(gap.start, seq), range(seq + 1, gap.stop))
                self.gaps[index : index + 1] = [part for part in parts if part]
                return


class EventStream:
    """The events of one device in the order of their arrival; bounded in memory, owned by one thread.

    Args:
        from_start: The reader listens since before the device's first event: the first run, too, is counted from 1.
    """

    def __init__(self, *, from_start: bool = False) -> None:
        self._from_start = from_start
        self._ids: dict[str, None] = {}
        self._runs: dict[str, _Run] = {}
        self._missing_before = 0

    @property
    def boot_id(self) -> str | None:
        """The run that began last; None before the first event."""
        return next(reversed(self._runs), None)

    @property
    def missing(self) -> int:
        """Events that never came, so far."""
        return self._missing_before + sum(run.missing for run in self._runs.values())

    def is_new(self, event: NumberedEvent) -> bool:
        """Count an event; False when it was there before."""
        if event.id in self._ids:
            return False
        self._ids[event.id] = None
        if len(self._ids) > _REMEMBERED_IDS:
            del self._ids[next(iter(self._ids))]
        self._run_of(event).add(event.seq)
        return True

    def _run_of(self, event: NumberedEvent) -> _Run:
        if event.boot_id not in self._runs:
            counts_from_1 = bool(self._runs) or self._from_start
            self._runs[event.boot_id] = _Run(last_seq=0 if counts_from_1 else event.seq - 1)
        if len(self._runs) > _REMEMBERED_RUNS:
            self._missing_before += self._runs.pop(next(iter(self._runs))).missing
        return self._runs[event.boot_id]


def _size(numbers: range) -> int:
    """Also of a range that `len` refuses on a 32-bit system."""
    return numbers.stop - numbers.start
