"""The one place between the camera's thread and the inference thread.

A queue would deliver pictures that are seconds old; this slot holds one, and a newer one takes its place. What must
not be skipped (a notice, or a frame of a file that is played "fast") is put with ``put_when_free``. The slot owns its
lock; any thread may call any method.
"""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class LatestSlot(Generic[T]):
    """A slot for one item: overwritten when full, emptied by whoever takes it, never delivered twice."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None
        self._dropped = 0
        self._closed = False

    @property
    def dropped(self) -> int:
        """Number of items that were overwritten before anybody took them."""
        with self._changed:
            return self._dropped

    @property
    def closed(self) -> bool:
        """True after close(): nothing new is accepted; what stands in the slot can still be taken."""
        with self._changed:
            return self._closed

    def put(self, item: T) -> bool:
        """Put an item in place of whatever is there; False when the slot is closed."""
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
        """Accept nothing more and wake everybody who waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
