"""The shipped cascade on the shipped portraits, and on pictures that hold no face at all."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_fer.config.schema import DEFAULT_MODELS, DetectorConfig
from edge_fer.domain.faces import Detection
from edge_fer.domain.geometry import Box
from edge_fer.vision.mtcnn import Mtcnn, crops, crops_around
from edge_fer.vision.pyramid import ImagePyramid
from tests.portraits import ASTRONAUT, GRACE_HOPPER, picture

# Positions read off the portraits by eye at 8× magnification: left eye, right eye, nose tip, mouth corners.
POINTS = {
    ASTRONAUT: ((203, 101), (246, 103.5), (222, 127), (203, 139.5), (245, 141)),
    GRACE_HOPPER: ((222, 190), (305, 187), (268, 235), (229, 280), (306, 279)),
}


@pytest.fixture(scope="module")
def detector() -> Mtcnn:
    return Mtcnn(DEFAULT_MODELS, DetectorConfig())


def only(found: tuple[Detection, ...]) -> Detection:
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("path", POINTS, ids=lambda path: path.stem)
def test_landmarks_are_where_a_person_sees_them(detector: Mtcnn, path: Path) -> None:
    """Within 8 % of the eye distance; the network's mean error on AFLW is 6.9 % (Zhang et al. 2016, figure 4)."""
    points = np.array(POINTS[path], np.float64)
    found = only(detector.detect(picture(path)))
    eyes_px = np.linalg.norm(points[1] - points[0])
    assert np.linalg.norm(found.landmarks.array() - points, axis=1).max() < 0.08 * eyes_px
    assert found.score > 0.99


@pytest.mark.parametrize("scale", [0.42, 0.6, 1.0, 2.3])
def test_size_does_not_matter(detector: Mtcnn, scale: float) -> None:
    """From just above min_face_px to large, the face is found in the same place."""
    rgb = picture(ASTRONAUT)
    whole = only(detector.detect(rgb)).landmarks.array()
    scaled = np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    found = only(detector.detect(scaled)).landmarks.array() / scale
    eyes_px = np.linalg.norm(whole[1] - whole[0])
    assert np.linalg.norm(found - whole, axis=1).max() < 0.08 * eyes_px  # as much as one pixel at the smallest scale


def test_a_face_smaller_than_asked_is_left_out() -> None:
    """min_face_px means it: at twice the face's size nothing is found."""
    assert Mtcnn(DEFAULT_MODELS, DetectorConfig(min_face_px=220)).detect(picture(ASTRONAUT)) == ()


def test_several_faces_at_once(detector: Mtcnn) -> None:
    """Both portraits in one picture: two faces, each where it was."""
    left, right = picture(ASTRONAUT), picture(GRACE_HOPPER)[:512]
    found = detector.detect(np.concatenate((left, right), axis=1))
    assert len(found) == 2
    assert sorted(int(face.box.center[0] // 512) for face in found) == [0, 1]


def test_only_the_region_is_searched(detector: Mtcnn) -> None:
    """A face outside it is not looked for; one inside is where it is without a region."""
    both = np.concatenate((picture(ASTRONAUT), picture(GRACE_HOPPER)[:512]), axis=1)
    everywhere = {int(face.box.center[0] // 512): face for face in detector.detect(both)}
    right = only(Mtcnn(DEFAULT_MODELS, DetectorConfig(region=(0.5, 0, 1, 1))).detect(both))
    error = np.abs(right.landmarks.array() - everywhere[1].landmarks.array()).max()
    assert error < 0.08 * 83  # of the eye distance; the pyramid of another size samples other pixels


def test_a_face_cut_by_the_edge_is_found(detector: Mtcnn) -> None:
    """Boxes may reach outside the frame."""
    found = only(detector.detect(np.ascontiguousarray(picture(ASTRONAUT)[:, 195:])))
    assert found.box.x1 < 5


@pytest.mark.parametrize(("dx", "dy", "grow"), [(0, 0, 1.0), (15, -10, 1.0), (0, 0, 1.2), (0, 0, 0.85)])
def test_a_followed_face_is_where_a_search_finds_it(detector: Mtcnn, dx: float, dy: float, grow: float) -> None:
    """From an expectation that is off by a sixth of the face, O-Net alone comes back to it."""
    searched = only(detector.detect(picture(ASTRONAUT)))
    x, y = searched.box.center
    half_w, half_h = searched.box.width / 2 * grow, searched.box.height / 2 * grow
    expected = Box(x + dx - half_w, y + dy - half_h, x + dx + half_w, y + dy + half_h)
    followed = only(detector.follow(picture(ASTRONAUT), [expected]))
    error = np.linalg.norm(followed.landmarks.array() - searched.landmarks.array(), axis=1).max()
    assert error < 0.08 * 43  # of the eye distance: as near as the landmarks are to a person's marks


def test_a_followed_face_needs_less_than_one_searched_for(detector: Mtcnn) -> None:
    """A head turned by 70 degrees is no find any more, but still the face that was there a moment ago."""
    box = only(detector.detect(picture(ASTRONAUT))).box
    turn = cv2.getRotationMatrix2D(box.center, 70, 1)
    turned = np.asarray(cv2.warpAffine(picture(ASTRONAUT), turn, (512, 512)), np.uint8)
    assert detector.detect(turned) == ()
    assert 0.4 < only(detector.follow(turned, [box])).score < 0.8


def test_a_face_that_left_is_not_followed(detector: Mtcnn) -> None:
    """The wall behind it is no face."""
    assert detector.follow(picture(ASTRONAUT), [Box(350, 20, 450, 120)]) == ()
    assert detector.follow(picture(ASTRONAUT), []) == ()


def test_two_tracks_on_one_face_become_one(detector: Mtcnn) -> None:
    """A detection belongs to one track."""
    box = only(detector.detect(picture(ASTRONAUT))).box
    only(detector.follow(picture(ASTRONAUT), [box, box.moved(8, 4)]))


def _no_faces() -> dict[str, NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    return {
        "black": np.zeros((480, 640, 3), np.uint8),
        "gray": np.full((480, 640, 3), 128, np.uint8),
        "noise": rng.integers(0, 256, (480, 640, 3), np.uint8),
        "astronaut without her head": np.ascontiguousarray(picture(ASTRONAUT)[200:]),
        "one pixel wide": np.zeros((480, 1, 3), np.uint8),
        "one pixel": np.zeros((1, 1, 3), np.uint8),
        "8K": np.full((4320, 7680, 3), 90, np.uint8),
    }


@pytest.mark.parametrize("name", list(_no_faces()))
def test_where_there_is_no_face_none_is_found(detector: Mtcnn, name: str) -> None:
    """Nothing, and no crash."""
    assert detector.detect(_no_faces()[name]) == ()


def test_the_frame_size_may_change(detector: Mtcnn) -> None:
    """Back and forth between sizes, the answer for each stays the same."""
    large, small = picture(ASTRONAUT), np.ascontiguousarray(picture(ASTRONAUT)[20:220, 120:330])
    first = [detector.detect(large), detector.detect(small)]
    assert [detector.detect(large), detector.detect(small)] == first
    assert all(len(found) == 1 for found in first)


@given(st.tuples(*[st.floats(-900, 1500, width=32)] * 2), st.floats(0, 1200, width=32))
@settings(max_examples=50, deadline=None)
def test_crops_at_and_beyond_every_edge(corner: tuple[float, float], side: float) -> None:
    """Any square gives a crop; far outside it is all gray."""
    rgb = picture(ASTRONAUT)
    square = np.array([(*corner, corner[0] + side, corner[1] + side)], np.float32)
    cut = crops(ImagePyramid(rgb), square, 24)
    assert cut.shape == (1, 24, 24, 3)
    outside = square[0, 2] < -4 or square[0, 3] < -4 or square[0, 0] > 520 or square[0, 1] > 520
    if outside:
        assert (cut == 128).all()


@given(
    st.lists(st.tuples(*[st.floats(-900, 1500, width=32)] * 2, st.floats(0, 1200, width=32)), min_size=1, max_size=4)
)
@settings(max_examples=50, deadline=None)
def test_crops_of_few_are_the_same(places: list[tuple[float, float, float]]) -> None:
    """Whether the whole frame is halved or only what lies around a square; 1 gray level is rounding."""
    rgb = picture(ASTRONAUT)[:471, :333]  # odd sides: halvings leave a row and a column out
    squares = np.array([(x, y, x + side, y + side) for x, y, side in places], np.float32)
    difference = crops(ImagePyramid(rgb), squares, 48).astype(int) - crops_around(rgb, squares, 48)
    assert np.abs(difference).max() <= 1
