"""The image pyramid of the face detector, packed into one image.

P-Net has a window of 12 px and finds faces of one size, so it must see the frame at many scales. Instead of one
inference per scale, all scales are placed side by side on one canvas of fixed size, and a table maps each output cell
to its box in the frame. Windows that overlap two scales are marked and ignored. The layout is planned once per frame
size.
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
"""Gray value outside the image: zero after the networks' (v − 127.5) / 128."""


@dataclass(frozen=True, slots=True)
class Level:
    """One scale of the pyramid: its place on the canvas, all numbers even, and the halving it is made from.

    Attributes:
        mip: Index in `ImagePyramid`: how often the frame is halved.
    """

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
        windows: float32 (cells, 4): the box in the frame of each P-Net output cell, row by row; zeros where invalid.
        level_of: int32 (cells,): index of the cell's level, −1 where the window overlaps two levels.
    """

    width_px: int
    height_px: int
    levels: tuple[Level, ...]
    windows: NDArray[np.float32]
    level_of: NDArray[np.int32]


@lru_cache(maxsize=8)
def plan(width_px: int, height_px: int, min_face_px: int, scale_factor: float) -> Plan:
    """Lay out the pyramid for frames of one size.

    In the largest level a face of `min_face_px` fills one window; each next level is smaller by `scale_factor`; the
    smallest still holds one window. A frame that is smaller than a window has no levels.
    """
    sizes = _level_sizes(width_px, height_px, CELL_PX / min_face_px, scale_factor)
    canvas_width, canvas_height, corners = _pack(sizes)
    levels = tuple(
        Level(x, y, width, height, _mip_for(width_px, width))
        for (x, y), (width, height) in zip(corners, sizes, strict=True)
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
    """An image and its halvings, each computed when it is first used.

    Each halving is the exact 2×2 mean of the one before, without an odd last row or column, so that position x of
    halving k is x · 2ᵏ in the image. Sampling from the nearest larger halving never scales down by more than two, which
    bilinear sampling does without skipping pixels.

    Args:
        rgb: uint8 (H, W, 3).
    """

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        self._levels = [rgb]
        self.count = max(1, min(rgb.shape[:2]).bit_length())

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """uint8 (H // 2ᵏ, W // 2ᵏ, 3) for 0 ≤ index < count."""
        while len(self._levels) <= index:
            last = self._levels[-1]
            height, width = last.shape[0] // 2, last.shape[1] // 2
            half = cv2.resize(last[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
            self._levels.append(np.asarray(half, np.uint8))
        return self._levels[index]


def fill_canvas(canvas: NDArray[np.uint8], layout: Plan, halvings: ImagePyramid) -> None:
    """Draw all levels on `canvas`, uint8 (height, width, 3), in place."""
    for level in layout.levels:
        target = canvas[level.y : level.y + level.height, level.x : level.x + level.width]
        cv2.resize(halvings[level.mip], (level.width, level.height), dst=target, interpolation=cv2.INTER_LINEAR)


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
    """(rows, columns, 4): boxes in the frame of the windows of one level."""
    x1, y1 = np.meshgrid(np.arange(_cells(level.width)) * STRIDE_PX, np.arange(_cells(level.height)) * STRIDE_PX)
    return np.stack(
        (x1 * scale_x, y1 * scale_y, (x1 + CELL_PX) * scale_x, (y1 + CELL_PX) * scale_y), axis=-1, dtype=np.float32
    )


def _pack(sizes: list[tuple[int, int]]) -> tuple[int, int, list[tuple[int, int]]]:
    """The smallest canvas found: width, height, and the top left corner of each level."""
    if not sizes:
        return CELL_PX, CELL_PX, []
    return min((_shelve(sizes, width) for width in _widths(sizes)), key=lambda packing: packing[0] * packing[1])


def _widths(sizes: list[tuple[int, int]]) -> list[int]:
    """Canvas widths worth trying: the total widths of up to four of the five largest levels.

    Any other width leaves a gap beside the first row. For 160 combinations of frame size, smallest face and scale
    factor, trying all widths up to four times the largest level's found no smaller canvas.
    """
    widest = sizes[0][0]
    rows = (row for count in range(1, 5) for row in combinations([width for width, _ in sizes[:5]], count))
    return sorted({total for row in rows if (total := sum(row)) >= widest})


def _shelve(sizes: list[tuple[int, int]], canvas_width: int) -> tuple[int, int, list[tuple[int, int]]]:
    """Place each level at the lowest free position of a skyline, leftmost first.

    Source: bottom-left heuristic (Baker, Coffman, Rivest 1980), on a skyline in steps of the stride.
    """
    skyline = np.zeros(canvas_width // STRIDE_PX, np.int64)
    corners = []
    for width, height in sizes:
        columns = width // STRIDE_PX
        tops = np.lib.stride_tricks.sliding_window_view(skyline, columns).max(axis=1)
        left = int(tops.argmin())
        top = int(tops[left])
        corners.append((left * STRIDE_PX, top))
        skyline[left : left + columns] = top + height
    return canvas_width, int(skyline.max()), corners
