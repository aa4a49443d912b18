"""The parts of the cascade that need no network."""

from __future__ import annotations

from edge_fer.domain.faces import Detection
from edge_fer.domain.geometry import Box, Landmarks, Point
from edge_fer.vision.mtcnn import without_contained

LANDMARKS = Landmarks(*[Point(0, 0)] * 5)


def test_a_face_inside_a_face_is_dropped() -> None:
    """A small box in a large one has little IoU, but is contained; the one of higher score stays, best first."""
    large = Detection(Box(0, 0, 100, 100), 0.9, LANDMARKS)
    inside = Detection(Box(30, 30, 50, 50), 0.99, LANDMARKS)
    apart = Detection(Box(200, 0, 220, 20), 0.8, LANDMARKS)
    assert large.box.iou(inside.box) < 0.7
    assert without_contained([large, inside, apart]) == (inside, apart)


def test_faces_that_overlap_by_half_stay() -> None:
    """Two heads, one partly behind the other."""
    front, behind = Detection(Box(0, 0, 100, 100), 0.9, LANDMARKS), Detection(Box(50, 0, 150, 100), 0.8, LANDMARKS)
    assert without_contained([behind, front]) == (front, behind)


def test_no_faces() -> None:
    """No detections in, none out."""
    assert without_contained([]) == ()
