"""How good the crop of a detection is: size, sharpness, head turn."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_fer.config.schema import QualityConfig
from edge_fer.domain.faces import Detection, Quality
from edge_fer.domain.geometry import Box, Landmarks

_PATCH_PX = 64
"""Sharpness is measured at one size, so that near and far faces are comparable."""

_SHARP_VARIANCE = 100.0
"""Laplacian variance of a sharpness of 0.5: the usual threshold for 8-bit images.

Source: Pech-Pacheco et al. 2000 for the measure.
"""

_NOSE_DEPTH = 0.6
"""How far the tip of the nose protrudes on an adult's head, in eye distances: about 38 of 63 mm."""


def assess(detection: Detection, sharpness: float) -> Quality:
    """The quality of a detection whose sharpness was measured, in this frame or just before."""
    box = detection.box
    return Quality((box.width + box.height) / 2, sharpness, yaw_deg(detection.landmarks))


def rejection_reason(quality: Quality, config: QualityConfig) -> str | None:
    """Why a crop is not good enough to be used, in the words of the payload, or None."""
    if quality.face_px < config.min_face_px:
        return "face too small"
    if abs(quality.yaw_deg) > config.max_yaw_deg:
        return "turned away"
    if quality.sharpness < config.min_sharpness:
        return "blurred"
    return None


def yaw_deg(landmarks: Landmarks) -> float:
    """Rough head turn, from how far the nose tip is from the middle of the face along the line of the eyes."""
    left, right, nose = landmarks.left_eye, landmarks.right_eye, landmarks.nose
    eyes_x, eyes_y = right.x - left.x, right.y - left.y
    distance = math.hypot(eyes_x, eyes_y)
    if distance < 1e-6:
        return 90.0  # the eyes coincide: a profile
    middle_x = (left.x + right.x + landmarks.mouth_left.x + landmarks.mouth_right.x) / 4
    middle_y = (left.y + right.y + landmarks.mouth_left.y + landmarks.mouth_right.y) / 4
    shift = ((nose.x - middle_x) * eyes_x + (nose.y - middle_y) * eyes_y) / distance
    return math.degrees(math.atan2(shift, _NOSE_DEPTH * distance))


def sharpness(rgb: NDArray[np.uint8], box: Box) -> float:
    """Sharpness in [0, 1] of the part of the frame, uint8 (H, W, 3), inside the box; 0 where there is none."""
    height, width = rgb.shape[:2]
    x1, x2 = max(0, int(box.x1)), min(width, math.ceil(box.x2))
    y1, y2 = max(0, int(box.y1)), min(height, math.ceil(box.y2))
    if x2 - x1 < 2 or y2 - y1 < 2:
        return 0.0
    gray = cv2.cvtColor(rgb[y1:y2, x1:x2], cv2.COLOR_RGB2GRAY)
    shrinking = max(x2 - x1, y2 - y1) > 2 * _PATCH_PX
    patch = cv2.resize(gray, (_PATCH_PX, _PATCH_PX), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
    _, deviation = cv2.meanStdDev(cv2.Laplacian(patch, cv2.CV_16S))
    variance = float(deviation.item()) ** 2
    return variance / (variance + _SHARP_VARIANCE)
