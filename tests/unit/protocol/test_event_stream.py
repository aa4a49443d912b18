"""Repetitions and missing numbers: the rule of docs/mqtt.md."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_fer.protocol import event_stream
from edge_fer.protocol.event_stream import EventStream


@dataclass(frozen=True)
class Event:
    """What identifies an event."""

    id: str
    boot_id: str
    seq: int


def event(seq: int, boot_id: str = "boot-1") -> Event:
    """An event whose id belongs to its number and run, as a device makes them."""
    return Event(f"{boot_id}/{seq}", boot_id, seq)


def missing_after(*seqs: int, from_start: bool = False) -> int:
    """Events missing once these have arrived, all of one run."""
    stream = EventStream(from_start=from_start)
    for seq in seqs:
        stream.is_new(event(seq))
    return stream.missing


def test_an_event_is_new_once() -> None:
    """The same id again is a repetition, and counts nothing."""
    stream = EventStream()
    assert [stream.is_new(event(seq)) for seq in (1, 2, 1, 2, 3)] == [True, True, False, False, True]
    assert stream.missing == 0


@pytest.mark.parametrize(
    ("seqs", "missing"),
    [
        ((1, 2, 3), 0),
        ((1, 4), 2),
        ((1, 2, 5, 7), 3),
        ((7, 8, 11), 2),
    ],
)
def test_skipped_numbers_are_missing(seqs: tuple[int, ...], missing: int) -> None:
    """The first number that a reader gets is taken as given: it joined in the middle."""
    assert missing_after(*seqs) == missing


def test_a_reader_that_listens_from_the_start_expects_1() -> None:
    """Then a first number above 1 says what was lost."""
    assert missing_after(4, from_start=True) == 3
    assert missing_after(1, from_start=True) == 0


@pytest.mark.parametrize(
    ("seqs", "missing"),
    [
        ((1, 5, 3), 2),
        ((1, 5, 2), 2),
        ((1, 5, 4), 2),
        ((1, 5, 3, 2, 4), 0),
        ((1, 5, 3, 3), 2),
        ((1, 3, 6, 2, 5), 1),
    ],
)
def test_a_late_event_fills_its_gap(seqs: tuple[int, ...], missing: int) -> None:
    """At its beginning, its end or in the middle; a repetition fills nothing twice."""
    assert missing_after(*seqs) == missing


def test_a_filled_gap_takes_no_memory() -> None:
    """Nothing is left of it."""
    stream = EventStream()
    for seq in (1, 5, 3, 2, 4):
        stream.is_new(event(seq))
    assert stream._runs["boot-1"].gaps == []


def test_an_event_from_before_the_first_fills_nothing() -> None:
    """Its number was never counted as missing."""
    assert missing_after(7, 5, 8) == 0


def test_a_new_run_is_counted_from_1() -> None:
    """It began while the reader listened, so what is missing before its first number was lost."""
    stream = EventStream()
    stream.is_new(event(40))
    stream.is_new(event(1, "boot-2"))
    assert (stream.missing, stream.boot_id) == (0, "boot-2")
    stream.is_new(event(3, "boot-3"))
    assert (stream.missing, stream.boot_id) == (2, "boot-3")


def test_a_late_event_of_an_earlier_run_starts_no_new_one() -> None:
    """It fills its gap there, and the run that began last stays the present one."""
    stream = EventStream()
    for late in (event(1), event(3), event(1, "boot-2"), event(2)):
        assert stream.is_new(late)
    assert (stream.missing, stream.boot_id) == (0, "boot-2")


def test_before_the_first_event_nothing_is_known() -> None:
    """No run, nothing missing."""
    stream = EventStream()
    assert (stream.missing, stream.boot_id) == (0, None)


def test_a_jump_to_the_largest_number_costs_nothing() -> None:
    """Gaps are ranges: a foreign message cannot fill the memory."""
    assert missing_after(1, 2**53 - 1) == 2**53 - 3


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Old ids, gaps and runs are forgotten; what was missing in them stays counted."""
    monkeypatch.setattr(event_stream, "_REMEMBERED_IDS", 10)
    monkeypatch.setattr(event_stream, "_REMEMBERED_GAPS", 3)
    monkeypatch.setattr(event_stream, "_REMEMBERED_RUNS", 2)
    stream = EventStream()
    for run in range(5):
        for seq in range(1, 41, 2):
            stream.is_new(event(seq, f"boot-{run}"))
    assert stream.missing == 5 * 19
    assert len(stream._ids) == 10
    assert [len(run.gaps) for run in stream._runs.values()] == [3, 3]
    stream.is_new(event(2, "boot-4"))  # in a gap that is forgotten
    assert stream.missing == 5 * 19
    stream.is_new(event(38, "boot-4"))
    assert stream.missing == 5 * 19 - 1


@given(order=st.permutations(range(1, 13)), count=st.integers(1, 12), repeats=st.lists(st.integers(0, 11)))
def test_any_order_of_arrival(order: list[int], count: int, repeats: list[int]) -> None:
    """Whatever came, in whatever order and however often: what is missing is what did not come, up to the highest."""
    arrived = order[:count]
    stream = EventStream(from_start=True)
    assert all(stream.is_new(event(seq)) for seq in arrived)
    assert not any(stream.is_new(event(arrived[index % count])) for index in repeats)
    assert stream.missing == max(arrived) - count
