"""Five landmarks → a face crop: geometry, resolution, color."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_fer.domain.geometry import Landmarks
from edge_fer.tflite.manifest import Crop, Input
from edge_fer.vision.alignment import align, model_input, similarity_transform

TEMPLATE = np.array(((47.5, 45.4), (100.9, 45.4), (74.2, 77.5), (51.0, 105.0), (97.4, 105.0)))
CROP = Crop(size_px=(150, 150), landmarks=tuple(map(tuple, TEMPLATE.tolist())))  # type: ignore[arg-type]


def transformed(points: NDArray[np.float64], scale: float, angle: float, dx: float, dy: float) -> NDArray[np.float64]:
    rotation = scale * np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    return np.asarray(points @ rotation.T + (dx, dy))


@given(st.floats(0.05, 20), st.floats(-3, 3), st.floats(-500, 500), st.floats(-500, 500))
def test_a_similarity_is_found_exactly(scale: float, angle: float, dx: float, dy: float) -> None:
    """Points that were rotated, scaled and shifted are mapped back."""
    matrix = similarity_transform(transformed(TEMPLATE, scale, angle, dx, dy).tolist(), TEMPLATE.tolist())
    back = np.column_stack((transformed(TEMPLATE, scale, angle, dx, dy), np.ones(5))) @ matrix.T
    np.testing.assert_allclose(back, TEMPLATE, atol=1e-5)


def test_the_transform_never_reflects() -> None:
    """Its determinant is positive for a mirrored face, too."""
    mirrored = TEMPLATE * (-1, 1)
    assert np.linalg.det(similarity_transform(mirrored.tolist(), TEMPLATE.tolist())[:, :2]) > 0


def test_coinciding_points_give_a_translation() -> None:
    """Not a division by zero."""
    matrix = similarity_transform([(7.0, 7.0)] * 5, TEMPLATE.tolist())
    np.testing.assert_allclose(matrix[:, :2], np.eye(2))
    np.testing.assert_allclose(matrix @ (7, 7, 1), TEMPLATE.mean(axis=0))


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.5, 7.0])
def test_landmarks_are_mapped_to_the_template(scale: float) -> None:
    """A blob drawn at a landmark is found at the template's point, also after scaling down in two steps."""
    points = transformed(TEMPLATE, scale, 0.2, 300, 100)
    for index in range(5):
        rgb = np.zeros((1800, 1800, 3), np.uint8)
        cv2.circle(
            rgb, tuple(np.rint(points[index]).astype(int).tolist()), max(2, round(4 * scale)), (255, 255, 255), -1
        )
        crop = align(rgb, Landmarks.from_array(points), CROP)[..., 0].astype(float)
        ys, xs = np.indices(crop.shape)
        center = (xs * crop).sum() / crop.sum(), (ys * crop).sum() / crop.sum()
        np.testing.assert_allclose(center, TEMPLATE[index], atol=0.75 / min(scale, 1))  # rint moves the blob by ≤ ½ px


def test_scaling_down_averages_instead_of_skipping() -> None:
    """A fine checkerboard scaled down by eight becomes gray, not noise."""
    board = np.indices((1600, 1600)).sum(axis=0) % 2 * 255
    rgb = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    crop = align(rgb, Landmarks.from_array(transformed(TEMPLATE, 8, 0, 100, 100)), CROP)
    assert abs(float(crop.mean()) - 127.5) < 1
    assert float(crop.std()) < 2


def test_outside_the_image_is_black() -> None:
    """A face at the edge keeps its place in the crop."""
    rgb = np.full((100, 100, 3), 200, np.uint8)
    crop = align(rgb, Landmarks.from_array(TEMPLATE - (100, 0)), CROP)
    assert crop[50, 10].tolist() == [0, 0, 0] or crop[50, 140].tolist() == [0, 0, 0]
    assert crop.shape == (150, 150, 3)


@given(st.floats(0.1, 6), st.floats(-3, 3), st.floats(-100, 500), st.floats(-100, 500))
@settings(max_examples=40, deadline=None)
def test_gray_before_or_after_alignment_is_the_same(scale: float, angle: float, dx: float, dy: float) -> None:
    """Up to rounding once more: at any size, rotation and place, at the edges too."""
    rgb = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8), (0, 0), 6)
    landmarks = Landmarks.from_array(transformed(TEMPLATE, scale, angle, dx, dy))
    before, after = align(np.asarray(rgb), landmarks, CROP, gray=True), align(np.asarray(rgb), landmarks, CROP)
    after_gray = model_input(after, Input(shape=(1, 150, 150, 1), color="gray"))
    before_gray = model_input(before, Input(shape=(1, 150, 150, 1), color="gray"))
    assert np.abs(before_gray.astype(int) - after_gray).max() <= 2


def test_the_manifest_decides_color_mean_and_std() -> None:
    """BGR is swapped, gray is weighted, mean and std come last; raw pixels stay bytes."""
    crop = np.zeros((2, 2, 3), np.uint8)
    crop[...] = (10, 20, 30)
    raw = model_input(crop, Input(shape=(1, 2, 2, 3), color="bgr"))
    assert raw.dtype == np.uint8
    assert raw[0, 0, 0].tolist() == [30, 20, 10]
    scaled = model_input(crop, Input(shape=(1, 2, 2, 3), color="rgb", mean=(10, 10, 10), std=(2, 2, 2)))
    assert scaled[0, 0, 0].tolist() == [0, 5, 10]
    gray = model_input(crop, Input(shape=(1, 2, 2, 1), color="gray"))
    assert gray.shape == (1, 2, 2, 1)
    assert int(gray[0, 0, 0, 0]) == round(0.299 * 10 + 0.587 * 20 + 0.114 * 30)
