"""Boxes and landmarks: invariants and arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from edge_fer.domain.geometry import Box, Landmarks


def test_two_boxes_share_an_area() -> None:
    """Overlapping corners 5 by 4; side by side nothing."""
    assert Box(0, 0, 10, 10).shared(Box(5, 6, 90, 90)) == 20
    assert Box(0, 0, 10, 10).shared(Box(10, 0, 20, 10)) == 0
    assert Box(0, 0, 10, 4).area == 40


@pytest.mark.parametrize("corners", [(5.0, 0.0, 1.0, 9.0), (0.0, 9.0, 1.0, 1.0), (0.0, float("nan"), 1.0, 1.0)])
def test_a_box_refuses_swapped_corners_and_nan(corners: tuple[float, float, float, float]) -> None:
    """The message shows the numbers."""
    with pytest.raises(ValueError, match="Box needs x1 <= x2 and y1 <= y2, got"):
        Box(*corners)


def test_a_moved_box_keeps_its_size() -> None:
    """And its center moves along."""
    moved = Box(0, 0, 10, 4).moved(3, -2)
    assert (moved.width, moved.height, moved.center) == (10, 4, (8, 0))


def test_landmarks_survive_the_round_trip_through_an_array() -> None:
    """In the order of the fields."""
    points = np.arange(10, dtype=np.float32).reshape(5, 2)
    landmarks = Landmarks.from_array(points)
    assert landmarks.nose == (4, 5)
    np.testing.assert_array_equal(landmarks.array(), points)
