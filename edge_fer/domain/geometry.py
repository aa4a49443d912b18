"""Boxes, points and landmarks.

Coordinates are pixels of the source frame, x to the right and y down. "Left" and "right" of a face are those of the
image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned box, half-open: x1 ≤ x < x2, in source-frame pixels; it may reach outside the frame."""

    x1: float
    y1: float
    x2: float
    y2: float

    def __post_init__(self) -> None:
        if not (self.x1 <= self.x2 and self.y1 <= self.y2):  # also false for NaN
            raise ValueError(f"Box needs x1 <= x2 and y1 <= y2, got {(self.x1, self.y1, self.x2, self.y2)}")

    @property
    def width(self) -> float:
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        return self.width * self.height

    @property
    def center(self) -> tuple[float, float]:
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    def moved(self, dx: float, dy: float) -> Box:
        """The same box, shifted by (dx, dy) pixels."""
        return Box(self.x1 + dx, self.y1 + dy, self.x2 + dx, self.y2 + dy)

    def squared(self) -> Box:
        """The smallest square around the box with the same center."""
        (x, y), half = self.center, max(self.width, self.height) / 2
        return Box(x - half, y - half, x + half, y + half)

    def shared(self, other: Box) -> float:
        """Area in common with another box, in square pixels."""
        if self.x1 >= other.x2 or other.x1 >= self.x2 or self.y1 >= other.y2 or other.y1 >= self.y2:
            return 0.0
        width = min(self.x2, other.x2) - max(self.x1, other.x1)
        height = min(self.y2, other.y2) - max(self.y1, other.y1)
        return width * height

    def iou(self, other: Box) -> float:
        """Intersection over union in [0, 1]; 0 where nothing is in common."""
        shared = self.shared(other)
        return shared / (self.area + other.area - shared) if shared else 0.0

    def xyxy(self) -> NDArray[np.float32]:
        """(4,) float32: x1, y1, x2, y2."""
        return np.array((self.x1, self.y1, self.x2, self.y2), np.float32)


class Point(NamedTuple):
    """A position in source-frame pixels."""

    x: float
    y: float


class Landmarks(NamedTuple):
    """The five points of a face, in source-frame pixels; left and right are the image's."""

    left_eye: Point
    right_eye: Point
    nose: Point
    mouth_left: Point
    mouth_right: Point

    def array(self) -> NDArray[np.float32]:
        """(5, 2) float32 of x, y in the order of the fields."""
        return np.asarray(self, np.float32)

    @classmethod
    def from_array(cls, points: NDArray[np.floating]) -> Landmarks:
        """From (5, 2) x, y in the order of the fields."""
        return cls(*map(Point._make, points.tolist()))
