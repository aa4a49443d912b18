"""What of the cascade needs no network."""

from __future__ import annotations

from edge_fer.domain.faces import Detection
from edge_fer.domain.geometry import Box, Landmarks, Point
from edge_fer.vision.mtcnn import without_contained

SOMEWHERE = Landmarks(*[Point(0, 0)] * 5)


def test_a_face_inside_a_face_goes() -> None:
    """A small box in a large one has little IoU, but is contained; the better of the two stays, best first."""
    large = Detection(Box(0, 0, 100, 100), 0.9, SOMEWHERE)
    inside = Detection(Box(30, 30, 50, 50), 0.99, SOMEWHERE)
    apart = Detection(Box(200, 0, 220, 20), 0.8, SOMEWHERE)
    assert large.box.iou(inside.box) < 0.7
    assert without_contained([large, inside, apart]) == (inside, apart)


def test_what_overlaps_by_half_stays() -> None:
    """Two heads, one partly behind the other."""
    front, behind = Detection(Box(0, 0, 100, 100), 0.9, SOMEWHERE), Detection(Box(50, 0, 150, 100), 0.8, SOMEWHERE)
    assert without_contained([behind, front]) == (front, behind)


def test_of_no_faces_none_stay() -> None:
    """Nothing goes in, nothing comes out."""
    assert without_contained([]) == ()
