"""When to search the whole frame, and when following the faces already found is enough.

A search (the full cascade) costs as much as following a dozen faces (O-Net alone, on each face's expected square). It
is needed at intervals to find new faces, and sooner where the image changes apart from the faces already followed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_fer.domain.geometry import Box

_THUMBNAIL_PX = (32, 24)
"""Width and height of the thumbnail that is compared: one cell is about half a face of the smallest size."""

_MIN_CHANGE = 20.0
"""Mean change of a block of 2 × 2 cells, in gray levels, that may be a new face: well above a webcam's noise."""

_BODY = (1.3, 1.3, 2.5)
"""What moves with a face, in sides of its box from its center: to either side, above, below (shoulders, arms)."""

_MAX_SPEEDUP = 3
"""A changing image is searched at most this many times as often: a waving hand is not a new face in each frame."""


class SearchPolicy:
    """Decides for each frame whether to search it; one thread owns it.

    Args:
        search_interval_s: Longest time without a search; 0 searches every frame.
    """

    def __init__(self, search_interval_s: float) -> None:
        self._interval_s = search_interval_s
        self._searched_s = -math.inf
        self._searched_thumbnail: NDArray[np.float32] | None = None

    def set_interval(self, search_interval_s: float) -> None:
        """Use another interval from now on."""
        self._interval_s = search_interval_s

    def needs_search(self, rgb: NDArray[np.uint8], now_s: float, *, followed: Sequence[Box], lost_sight: bool) -> bool:
        """Whether to search this frame; if so, it counts as searched.

        Args:
            rgb: uint8 (H, W, 3).
            now_s: The frame's time.
            followed: Where the followed faces are expected; changes there do not count.
            lost_sight: A followed face was not found in the last frame.
        """
        waited_s = now_s - self._searched_s
        if waited_s < self._interval_s / _MAX_SPEEDUP:
            return False
        thumbnail = _thumbnail(rgb)
        due = waited_s >= self._interval_s or lost_sight
        if not due and _largest_change(thumbnail, self._searched_thumbnail, _cells(followed, rgb)) <= _MIN_CHANGE:
            return False
        self._searched_s, self._searched_thumbnail = now_s, thumbnail
        return True


def _thumbnail(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    small = cv2.resize(rgb, _THUMBNAIL_PX, interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32)


Cells = tuple[slice, slice]


def _cells(followed: Sequence[Box], rgb: NDArray[np.uint8]) -> list[Cells]:
    """Rows and columns of the thumbnail that each face and its body cover."""
    height, width = rgb.shape[:2]
    to_x, to_y = _THUMBNAIL_PX[0] / width, _THUMBNAIL_PX[1] / height
    beside, above, below = _BODY
    cells = []
    for box in followed:
        x, y = box.center
        columns = ((x - beside * box.width) * to_x, (x + beside * box.width) * to_x)
        rows = ((y - above * box.height) * to_y, (y + below * box.height) * to_y)
        cells.append((_slice(*rows, _THUMBNAIL_PX[1]), _slice(*columns, _THUMBNAIL_PX[0])))
    return cells


def _slice(first: float, last: float, count: int) -> slice:
    return slice(min(max(0, math.floor(first)), count), min(max(0, math.ceil(last)), count))


def _largest_change(now: NDArray[np.float32], before: NDArray[np.float32] | None, ignored: Sequence[Cells]) -> float:
    """Mean absolute difference of the 2 × 2 block that changed most; infinite with nothing to compare with."""
    if before is None:
        return math.inf
    change = np.abs(now - before)
    for cells in ignored:
        change[cells] = 0
    return float(cv2.blur(change, (2, 2)).max())
