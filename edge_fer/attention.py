"""When to search the whole frame, and when following the faces already found is enough.

A search (the full cascade) costs as much as a dozen faces followed (O-Net alone, on each face's expected square). It is
needed now and then to find who is new, and sooner where the picture changes.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_THUMBNAIL = (32, 24)
"""Width and height of the picture that changes are seen in: one cell is about half a face of the smallest size."""

_CHANGED = 20.0
"""Mean change of a block of 2 × 2 cells, in grey levels, that may be somebody: well above a webcam's noise."""

_SOONER = 3
"""A changing picture is searched this many times as often, and not more: a waving hand is no new face each frame."""


class Attention:
    """Decides for each frame; one thread owns it.

    Args:
        search_interval_s: Longest time without a search; 0 searches every frame.
    """

    def __init__(self, search_interval_s: float) -> None:
        self._interval_s = search_interval_s
        self._searched_s = -np.inf
        self._searched: NDArray[np.float32] | None = None

    def stretch(self, search_interval_s: float) -> None:
        """Search at another interval from now on."""
        self._interval_s = search_interval_s

    def needs_search(self, rgb: NDArray[np.uint8], now_s: float, *, lost_sight: bool) -> bool:
        """Whether to search this frame; if so, it counts as searched.

        Args:
            rgb: uint8 (H, W, 3); a small picture will do.
            now_s: The frame's time.
            lost_sight: A face that was followed was not found in the last frame.
        """
        grey = cv2.cvtColor(cv2.resize(rgb, _THUMBNAIL, interpolation=cv2.INTER_LINEAR), cv2.COLOR_RGB2GRAY)
        seen = np.asarray(grey, np.float32)
        waited_s = now_s - self._searched_s
        due = waited_s >= self._interval_s
        if not due and waited_s >= self._interval_s / _SOONER:
            due = lost_sight or _largest_change(seen, self._searched) > _CHANGED
        if due:
            self._searched_s, self._searched = now_s, seen
        return due


def _largest_change(seen: NDArray[np.float32], before: NDArray[np.float32] | None) -> float:
    """Mean absolute difference of the 2 × 2 block that changed most; infinite with nothing to compare with."""
    if before is None:
        return np.inf
    return float(cv2.blur(np.abs(seen - before), (2, 2)).max())
