"""The image pyramid of the face detector, packed into one picture.

P-Net is 12 px wide and views for faces of one size, so it must see the frame at many scales. Instead of one inference
per scale, all scales are laid side by side in one canvas of fixed size, and one table says which source box each output
cell stands for. Windows that straddle two scales are marked and ignored. All of it is planned once per frame size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

CELL_PX = 12
"""Side of P-Net's window. Source: Zhang et al. 2016."""

STRIDE_PX = 2
"""Step of P-Net's window. Source: its one 2×2 pooling."""

EMPTY = 128
"""Gray of what lies outside a picture: zero after the networks' (v − 127.5) / 128."""


@dataclass(frozen=True, slots=True)
class Level:
    """One scale of the pyramid: where it lies in the canvas, all even, and which mip it is made from."""

    x: int
    y: int
    width: int
    height: int
    mip: int


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The pyramid of one frame size.

    Attributes:
        width_px, height_px: Of the canvas.
        levels: Largest first.
        windows: float32 (cells, 4): the source box of each P-Net output cell, row by row; zeros where invalid.
        level_of: int32 (cells,): index of the cell's level, −1 where the window straddles two.
    """

    width_px: int
    height_px: int
    levels: tuple[Level, ...]
    windows: NDArray[np.float32]
    level_of: NDArray[np.int32]


@lru_cache(maxsize=8)
def plan(width_px: int, height_px: int, min_face_px: int, scale_factor: float) -> Plan:
    """Lay out the pyramid of frames of one size.

    The largest level shows a face of `min_face_px` as one window; each next one is smaller by `scale_factor`; the
    smallest still holds a window. A frame smaller than a window in some direction has no levels.
    """
    sizes = _level_sizes(width_px, height_px, CELL_PX / min_face_px, scale_factor)
    canvas_width, canvas_height, places = _pack(sizes)
    levels = tuple(
        Level(x, y, width, height, _mip_for(width_px, width))
        for (x, y), (width, height) in zip(places, sizes, strict=True)
    )
    rows, columns = _cells(canvas_height), _cells(canvas_width)
    windows = np.zeros((rows, columns, 4), np.float32)
    level_of = np.full((rows, columns), -1, np.int32)
    for index, level in enumerate(levels):
        top, left = level.y // STRIDE_PX, level.x // STRIDE_PX
        inner = np.s_[top : top + _cells(level.height), left : left + _cells(level.width)]
        level_of[inner] = index
        windows[inner] = _windows(level, width_px / level.width, height_px / level.height)
    return Plan(canvas_width, canvas_height, levels, windows.reshape(-1, 4), level_of.reshape(-1))


class ImagePyramid:
    """A picture and its halvings, each made when it is first asked for.

    Each is the exact 2×2 mean of the one before, less an odd last row or column, so that a position x in mip k is
    x · 2ᵏ in the picture. Reading from the right one never shrinks by more than two, which bilinear sampling can do.

    Args:
        rgb: uint8 (H, W, 3).
    """

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        self._made = [rgb]
        self.count = max(1, min(rgb.shape[:2]).bit_length())

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """uint8 (H // 2ᵏ, W // 2ᵏ, 3) for 0 ≤ index < count."""
        while len(self._made) <= index:
            last = self._made[-1]
            height, width = last.shape[0] // 2, last.shape[1] // 2
            half = cv2.resize(last[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
            self._made.append(np.asarray(half, np.uint8))
        return self._made[index]


def fill_canvas(canvas: NDArray[np.uint8], layout: Plan, pictures: ImagePyramid) -> None:
    """Draw all levels into `canvas`, uint8 (height, width, 3), which is kept from frame to frame."""
    for level in layout.levels:
        place = canvas[level.y : level.y + level.height, level.x : level.x + level.width]
        cv2.resize(pictures[level.mip], (level.width, level.height), dst=place, interpolation=cv2.INTER_LINEAR)


def _level_sizes(width_px: int, height_px: int, scale: float, factor: float) -> list[tuple[int, int]]:
    sizes: list[tuple[int, int]] = []
    while True:
        width, height = (max(2, round(side * scale / 2) * 2) for side in (width_px, height_px))
        if min(width, height) < CELL_PX:
            return sizes
        sizes.append((width, height))
        scale *= factor


def _mip_for(source_px: int, level_px: int) -> int:
    return max(0, int(np.floor(np.log2(source_px / level_px) + 1e-9)))


def _cells(side_px: int) -> int:
    return max(0, (side_px - CELL_PX) // STRIDE_PX + 1)


def _windows(level: Level, scale_x: float, scale_y: float) -> NDArray[np.float32]:
    """(rows, columns, 4): source boxes of the windows of one level."""
    x1, y1 = np.meshgrid(np.arange(_cells(level.width)) * STRIDE_PX, np.arange(_cells(level.height)) * STRIDE_PX)
    return np.stack(
        (x1 * scale_x, y1 * scale_y, (x1 + CELL_PX) * scale_x, (y1 + CELL_PX) * scale_y), axis=-1, dtype=np.float32
    )


def _pack(sizes: list[tuple[int, int]]) -> tuple[int, int, list[tuple[int, int]]]:
    """The smallest canvas that was found: width, height, and the corner of each size."""
    if not sizes:
        return CELL_PX, CELL_PX, []
    return min((_shelve(sizes, width) for width in _widths(sizes)), key=lambda packing: packing[0] * packing[1])


def _widths(sizes: list[tuple[int, int]]) -> list[int]:
    """Canvas widths worth trying: those of rows of up to four of the five largest levels.

    Every other width leaves a gap beside the first row. Over 160 frame sizes, smallest faces and scale factors, trying
    all widths up to four times the largest level's finds nothing smaller.
    """
    widest = sizes[0][0]
    rows = (row for count in range(1, 5) for row in combinations([width for width, _ in sizes[:5]], count))
    return sorted({total for row in rows if (total := sum(row)) >= widest})


def _shelve(sizes: list[tuple[int, int]], canvas_width: int) -> tuple[int, int, list[tuple[int, int]]]:
    """Place each size at the lowest free spot of a skyline, leftmost first.

    Source: bottom-left heuristic (Baker, Coffman, Rivest 1980), on a skyline in steps of the stride.
    """
    skyline = np.zeros(canvas_width // STRIDE_PX, np.int64)
    places = []
    for width, height in sizes:
        columns = width // STRIDE_PX
        tops = np.lib.stride_tricks.sliding_window_view(skyline, columns).max(axis=1)
        left = int(tops.argmin())
        top = int(tops[left])
        places.append((left * STRIDE_PX, top))
        skyline[left : left + columns] = top + height
    return canvas_width, int(skyline.max()), places
