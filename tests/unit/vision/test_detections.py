"""Choosing among the faces of one image."""

from __future__ import annotations

from edge_fer.domain.faces import Detection
from edge_fer.domain.geometry import Box, Landmarks, Point
from edge_fer.vision.detections import largest_face

LANDMARKS = Landmarks(*[Point(0, 0)] * 5)


def face(width: float, height: float, score: float = 0.9) -> Detection:
    return Detection(Box(0, 0, width, height), score, LANDMARKS)


def test_the_largest_area_counts() -> None:
    """Not the width, not the height, not the score."""
    wide, tall, large = face(60, 10), face(10, 60), face(40, 40, score=0.5)
    assert largest_face([wide, tall, large]) is large


def test_the_first_of_equals() -> None:
    """Detections come best score first."""
    first, second = face(30, 20), face(20, 30)
    assert largest_face([first, second]) is first


def test_without_faces_there_is_none() -> None:
    """The caller decides what that means."""
    assert largest_face([]) is None
