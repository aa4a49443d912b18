"""The slot for one item: replacing, counting, waiting, and races between threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from edge_fer.service.latest_frame import LatestSlot

JOIN_S = 10.0


def in_thread(target: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=target)
    thread.start()
    return thread


def test_it_gives_the_newest_and_counts_the_replaced() -> None:
    """Three puts and one take: the third comes out, two were dropped."""
    slot = LatestSlot[int]()
    assert [slot.put(number) for number in (1, 2, 3)] == [True] * 3
    assert slot.take(0) == 3
    assert slot.dropped == 2


def test_it_never_delivers_twice() -> None:
    """A second take finds nothing."""
    slot = LatestSlot[str]()
    slot.put("once")
    assert slot.take(0) == "once"
    assert slot.take(0) is None


def test_falsy_items_are_items() -> None:
    """Zero is delivered, and replacing it counts as a drop."""
    slot = LatestSlot[int]()
    slot.put(0)
    slot.put(0)
    assert (slot.take(0), slot.dropped) == (0, 1)


def test_take_waits_no_longer_than_its_timeout() -> None:
    """An empty slot gives None after the timeout, not before and not much later."""
    started = time.monotonic()
    assert LatestSlot[int]().take(0.05) is None
    assert 0.045 <= time.monotonic() - started < 2


def test_take_wakes_at_once_when_an_item_comes() -> None:
    """A waiting take returns with the item long before its timeout."""
    slot = LatestSlot[int]()
    taken: list[int | None] = []
    thread = in_thread(lambda: taken.append(slot.take(JOIN_S)))
    slot.put(7)
    thread.join(JOIN_S / 2)
    assert taken == [7]


def test_put_when_free_waits_for_the_taker() -> None:
    """While the slot is full, the writer waits, and nothing is dropped."""
    slot = LatestSlot[int]()
    slot.put(1)
    thread = in_thread(lambda: slot.put_when_free(2))
    thread.join(0.05)
    assert thread.is_alive()
    assert (slot.take(0), slot.take(JOIN_S)) == (1, 2)
    thread.join(JOIN_S)
    assert slot.dropped == 0


@pytest.mark.parametrize("waiting", ["take", "put_when_free"])
def test_close_ends_every_wait(waiting: str) -> None:
    """Of a reader and of a writer."""
    slot = LatestSlot[int]()
    results: list[object] = []
    if waiting == "put_when_free":
        slot.put(1)
        thread = in_thread(lambda: results.append(slot.put_when_free(2)))
    else:
        thread = in_thread(lambda: results.append(slot.take(JOIN_S)))
    slot.close()
    thread.join(JOIN_S / 2)
    assert not thread.is_alive()
    assert results == [False if waiting == "put_when_free" else None]


def test_a_closed_slot_refuses_new_items_and_gives_the_last() -> None:
    """An item put before close() can still be taken; nothing can be added."""
    slot = LatestSlot[int]()
    slot.put(1)
    slot.close()
    assert slot.closed
    assert not slot.put(2)
    assert not slot.put_when_free(3)
    assert (slot.take(0), slot.take(0)) == (1, None)


def read_all(slot: LatestSlot[int], taken: list[int]) -> None:
    while True:
        item = slot.take(JOIN_S)
        if item is None:
            return
        taken.append(item)


def test_a_fast_writer_loses_only_what_is_counted() -> None:
    """20,000 items against a reader: in order, no repeats, taken + dropped = put, the last one arrives."""
    slot = LatestSlot[int]()
    taken: list[int] = []
    reader = in_thread(lambda: read_all(slot, taken))
    for number in range(20_000):
        slot.put(number)
    slot.close()
    reader.join(JOIN_S)
    assert taken == sorted(set(taken))
    assert len(taken) + slot.dropped == 20_000
    assert taken[-1] == 19_999


def test_writers_that_wait_lose_nothing() -> None:
    """Two writers that wait for a free slot: every item arrives exactly once."""
    slot = LatestSlot[int]()
    taken: list[int] = []
    reader = in_thread(lambda: read_all(slot, taken))
    writers = [
        in_thread(lambda start=start: [slot.put_when_free(n) for n in range(start, start + 1000)])  # type: ignore[misc]
        for start in (0, 1000)
    ]
    for writer in writers:
        writer.join(JOIN_S)
    slot.close()
    reader.join(JOIN_S)
    assert sorted(taken) == list(range(2000))
    assert slot.dropped == 0


def test_two_readers_share_the_items() -> None:
    """Two readers never get the same item."""
    slot = LatestSlot[int]()
    shares: tuple[list[int], list[int]] = ([], [])
    readers = [in_thread(lambda share=share: read_all(slot, share)) for share in shares]  # type: ignore[misc]
    for number in range(2000):
        slot.put_when_free(number)
    slot.close()
    for reader in readers:
        reader.join(JOIN_S)
    assert sorted(shares[0] + shares[1]) == list(range(2000))
