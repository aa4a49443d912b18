"""Geometry on arrays of boxes, by property."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge_fer.domain.geometry import Box
from edge_fer.vision import boxes as geometry
from edge_fer.vision.boxes import Boxes

coordinate = st.floats(-200, 2000, width=32)


@st.composite
def some_boxes(draw: st.DrawFn, least: int = 0, smallest_side: float = 0.0) -> Boxes:
    count = draw(st.integers(least, 12))
    corners = draw(arrays(np.float32, (count, 2), elements=coordinate))
    sides = draw(arrays(np.float32, (count, 2), elements=st.floats(smallest_side, 500, width=32)))
    return np.concatenate((corners, corners + sides), axis=1)


def as_xyxy(*boxes: tuple[float, float, float, float]) -> Boxes:
    return np.array(boxes, np.float32)


@given(some_boxes(), some_boxes())
def test_iou_is_symmetric_and_in_range(a: Boxes, b: Boxes) -> None:
    """0 ≤ IoU(a, b) = IoU(b, a) ≤ 1."""
    overlap = geometry.iou_matrix(a, b)
    assert overlap.shape == (len(a), len(b))
    assert ((overlap >= 0) & (overlap <= 1 + 1e-6)).all()
    np.testing.assert_allclose(overlap, geometry.iou_matrix(b, a).T, rtol=1e-6)


def test_iou_of_known_boxes() -> None:
    """Shifted by half a box: a third; boxes without area: 0."""
    a = as_xyxy((0, 0, 10, 10), (5, 5, 5, 5))
    b = as_xyxy((5, 0, 15, 10), (5, 5, 5, 5))
    np.testing.assert_allclose(geometry.iou_matrix(a, b), np.array([[1 / 3, 0], [0, 0]]), rtol=1e-6)


@given(some_boxes(smallest_side=0.125), some_boxes(smallest_side=0.125))
def test_box_iou_equals_the_matrix(a: Boxes, b: Boxes) -> None:
    """Plain floats against arrays, whose float32 is exact to seven digits."""
    pairs = [[Box(*one).iou(Box(*other)) for other in b.tolist()] for one in a.tolist()]
    np.testing.assert_allclose(np.reshape(pairs, (len(a), len(b))), geometry.iou_matrix(a, b), atol=1e-6)


@given(some_boxes())
def test_a_square_keeps_the_center_and_the_longer_side(boxes: Boxes) -> None:
    """For arrays and for `Box` alike."""
    squares = geometry.square(boxes)
    sides = squares[:, 2:] - squares[:, :2]
    np.testing.assert_allclose(sides.max(axis=1), (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0), atol=1e-3)
    np.testing.assert_allclose(sides[:, 0], sides[:, 1], atol=1e-3)
    np.testing.assert_allclose((squares[:, :2] + squares[:, 2:]) / 2, (boxes[:, :2] + boxes[:, 2:]) / 2, atol=1e-3)
    for box, same in zip(boxes.tolist(), squares, strict=True):
        np.testing.assert_allclose(Box(*box).squared().xyxy(), same, atol=1e-3)


@given(some_boxes(least=1, smallest_side=1), st.data())
def test_survivors_of_nms_do_not_overlap(boxes: Boxes, data: st.DataObject) -> None:
    """They overlap at most by the threshold, best first; every other box overlaps a survivor of higher score."""
    scores = data.draw(arrays(np.float32, len(boxes), elements=st.floats(0.125, 1, width=32), unique=True))
    kept = geometry.nms(boxes, scores, 0.5)
    overlap = geometry.iou_matrix(boxes, boxes)
    assert (np.diff(scores[kept]) <= 0).all()
    for position, index in enumerate(kept):
        assert (overlap[index, kept[:position]] <= 0.5 + 1e-4).all()
    for index in set(range(len(boxes))) - set(kept.tolist()):
        better = [k for k in kept if scores[k] > scores[index]]
        assert overlap[index, better].max() >= 0.5 - 1e-4


def test_nms_of_no_boxes() -> None:
    """No candidates, no survivors."""
    none, scores = np.empty((0, 4), np.float32), np.empty(0, np.float32)
    assert len(geometry.nms(none, scores, 0.5)) == 0
    assert len(geometry.nms_by_group(none, scores, np.empty(0, np.int32), 0.5)) == 0


def test_groups_do_not_suppress_each_other() -> None:
    """The same box at two levels survives twice, at one level once."""
    boxes = as_xyxy((0, 0, 10, 10), (0, 0, 10, 10), (0, 0, 10, 10))
    scores = np.array((0.9, 0.8, 0.7), np.float32)
    kept = geometry.nms_by_group(boxes, scores, np.array((0, 1, 0), np.int32), 0.5)
    assert sorted(kept.tolist()) == [0, 1]


def test_offsets_are_fractions_of_the_sides() -> None:
    """MTCNN's regression: each edge moves by a fraction of its side."""
    moved = geometry.shift(as_xyxy((10, 20, 30, 60)), np.array([[0.1, -0.1, 0.2, 0.25]], np.float32))
    np.testing.assert_allclose(moved, [[12, 16, 34, 70]])
