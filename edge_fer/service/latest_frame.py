"""The slot between the camera thread and the inference thread.

A queue would deliver frames that are seconds old; this slot holds one item, and a newer one replaces it. What must not
be skipped (a notice, or a frame of a file that is played "fast") is put with `put_when_free`. The slot owns its lock;
any thread may call any method.
"""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class LatestSlot(Generic[T]):
    """A slot for one item: replaced by a newer one, taken once, never delivered twice."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None
        self._dropped = 0
        self._closed = False

    @property
    def dropped(self) -> int:
        """Number of items that were replaced before they were taken."""
        with self._changed:
            return self._dropped

    @property
    def closed(self) -> bool:
        """True after close(): nothing new is accepted; an item that is still in the slot can be taken."""
        with self._changed:
            return self._closed

    def put(self, item: T) -> bool:
        """Put an item in place of the present one; False when the slot is closed."""
        with self._changed:
            if self._closed:
                return False
            if self._item is not None:
                self._dropped += 1
            self._item = item
            self._changed.notify_all()
            return True

    def put_when_free(self, item: T) -> bool:
        """Wait until the slot is empty, then put the item; False when the slot is closed before that."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is None or self._closed)
            if self._closed:
                return False
            self._item = item
            self._changed.notify_all()
            return True

    def take(self, timeout_s: float) -> T | None:
        """Wait for an item and empty the slot; None when none came in time, or when the slot is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed, timeout_s)
            item, self._item = self._item, None
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Accept nothing more and end every wait."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
