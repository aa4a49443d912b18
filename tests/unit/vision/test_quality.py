"""Size, sharpness and head turn of a crop."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_fer.config.schema import QualityConfig
from edge_fer.domain.faces import Detection, Quality
from edge_fer.domain.geometry import Box, Landmarks
from edge_fer.vision import quality


def face(nose_x: float = 50, angle_deg: float = 0) -> Detection:
    points = np.array(((30, 40), (70, 40), (nose_x, 60), (35, 80), (65, 80)), np.float64)
    rotation = cv2.getRotationMatrix2D((50, 50), angle_deg, 1)
    points = np.column_stack((points, np.ones(5))) @ rotation.T
    return Detection(Box(0, 0, 100, 120), 1.0, Landmarks.from_array(points))


@pytest.mark.parametrize("angle_deg", [-30, 0, 45])
def test_a_tilted_frontal_face_has_no_yaw(angle_deg: float) -> None:
    """Roll does not count."""
    assert quality.yaw_deg(face(50, angle_deg).landmarks) == pytest.approx(0, abs=0.5)


def test_the_nose_gives_the_direction() -> None:
    """Toward the image's right is positive, and further is more."""
    right, further = quality.yaw_deg(face(60).landmarks), quality.yaw_deg(face(75).landmarks)
    assert 0 < right < further < 90
    assert quality.yaw_deg(face(40).landmarks) == pytest.approx(-right)


def test_coinciding_eyes_are_a_profile() -> None:
    """Not a division by zero."""
    assert quality.yaw_deg(Landmarks.from_array(np.zeros((5, 2)))) == 90


def test_blur_lowers_sharpness() -> None:
    """The same texture, more and more out of focus."""
    rng = np.random.default_rng(0)
    rgb = cv2.GaussianBlur(rng.integers(0, 256, (140, 140, 3), np.uint8), (0, 0), 1.5)
    values = [
        quality.sharpness(np.asarray(cv2.GaussianBlur(rgb, (0, 0), s), np.uint8), face().box) for s in (0.1, 2, 6)
    ]
    assert 1 >= values[0] > values[1] > values[2] >= 0


@pytest.mark.parametrize("box", [Box(-50, -50, 10, 10), Box(200, 200, 300, 300), Box(3, 3, 3, 3), Box(139, 0, 180, 30)])
def test_boxes_at_and_beyond_every_edge(box: Box) -> None:
    """No part of the face inside the frame: sharpness 0, no crash."""
    assert 0 <= quality.sharpness(np.zeros((140, 140, 3), np.uint8), box) <= 1


@pytest.mark.parametrize(
    ("measured", "reason"),
    [
        (Quality(80, 0.5, 0), None),
        (Quality(10, 0.5, 0), "face too small"),
        (Quality(80, 0.5, -70), "turned away"),
        (Quality(80, 0.01, 0), "blurred"),
    ],
)
def test_rejection_reasons(measured: Quality, reason: str | None) -> None:
    """In the words of the payload."""
    assert quality.rejection_reason(measured, QualityConfig()) == reason


def test_the_size_of_a_face_is_the_mean_of_its_sides() -> None:
    """A box of 100 by 120 is a face of 110 px."""
    assert quality.assess(face(), 0.7) == Quality(110, 0.7, pytest.approx(0, abs=0.01))  # type: ignore[arg-type]
