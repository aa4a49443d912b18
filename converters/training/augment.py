"""From a stored face to the trunk's input, by the way that the run time goes, and with the accidents of a classroom.

The run time warps a face of any size to 224 px (edge_fer.align), and the network's front averages 2×2 pixels. Here the
same two steps make the trunk's 112 px input, so that the trunk sees in training what it will see behind the front.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

CROP_PX = 224
"""Input of the whole network (contract of the project)."""
TRUNK_PX = 112
"""Input of the trunk: what the front leaves of CROP_PX."""

Gray = NDArray[np.uint8]


def plain(image: Gray, size_px: int = TRUNK_PX) -> Gray:
    """A face as the run time sees it: bilinear to 224 px, then 2×2 means.

    Args:
        image: uint8 (s, s), gray.
        size_px: Side of the result.

    Returns:
        uint8 (size_px, size_px).
    """
    crop = cv2.resize(image, (CROP_PX, CROP_PX), interpolation=cv2.INTER_LINEAR)
    return _reduce(np.asarray(crop, np.uint8), size_px)


def varied(image: Gray, draw: np.random.Generator, strength: float = 1.0, size_px: int = TRUNK_PX) -> Gray:
    """A face as another camera, distance, light and detector would have given it.

    Args:
        image: uint8 (s, s), gray.
        draw: Where all randomness comes from.
        strength: Scales probabilities and ranges.
        size_px: Side of the result.

    Returns:
        uint8 (size_px, size_px).
    """
    small = _captured(image, draw, strength)
    border = cv2.BORDER_REFLECT_101 if draw.random() < 0.7 else cv2.BORDER_CONSTANT
    matrix = _placement(small.shape[0], draw, strength)
    crop = cv2.warpAffine(small, matrix, (CROP_PX, CROP_PX), flags=cv2.INTER_LINEAR, borderMode=border)
    face = cv2.LUT(_reduce(np.asarray(crop, np.uint8), size_px), _tone_curve(draw, strength))
    if draw.random() < 0.25 * strength:
        face = _erased(np.asarray(face, np.uint8), draw)
    return np.asarray(face, np.uint8)


def _reduce(crop: Gray, size_px: int) -> Gray:
    return np.asarray(cv2.resize(crop, (size_px, size_px), interpolation=cv2.INTER_AREA), np.uint8)


def _captured(image: Gray, draw: np.random.Generator, strength: float) -> Gray:
    """Resolution, blur, noise and JPEG of a camera that sees the face 24–80 px wide."""
    if draw.random() < 0.35 * strength:
        size = int(draw.integers(24, 81))
        if size < image.shape[0]:
            image = np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
    if draw.random() < 0.15 * strength:
        image = np.asarray(cv2.GaussianBlur(image, (3, 3), float(draw.uniform(0.3, 1.0))), np.uint8)
    if draw.random() < 0.2 * strength:
        noise = draw.normal(0, draw.uniform(2, 10), image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if draw.random() < 0.15 * strength:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(draw.integers(40, 95))]
        image = np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_GRAYSCALE), np.uint8)
    return image


def _placement(size: int, draw: np.random.Generator, strength: float) -> NDArray[np.float64]:
    """(2, 3) matrix from a size×size face to the crop: turn, scale, shear, shift, and a mirror half of the time."""
    angle = np.deg2rad(np.clip(strength * draw.normal(0, 9), -25, 25))
    scale = np.exp(strength * draw.uniform(-0.18, 0.18)) * CROP_PX / size
    shear = strength * draw.uniform(-0.08, 0.08)
    turn = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    linear = scale * turn @ np.array(((1, shear), (0, 1)))
    if draw.random() < 0.5:
        linear = linear @ np.diag((-1.0, 1.0))
    target = (CROP_PX - 1) / 2 + strength * draw.uniform(-0.07, 0.07, 2) * CROP_PX
    return np.column_stack((linear, target - linear @ np.full(2, (size - 1) / 2)))


def _tone_curve(draw: np.random.Generator, strength: float) -> Gray:
    """(256,) table of gamma, contrast and brightness."""
    gamma = np.exp(strength * draw.uniform(-0.4, 0.4))
    gain, shift = np.exp(strength * draw.uniform(-0.35, 0.25)), strength * draw.uniform(-30, 30)
    level = (np.arange(256) / 255) ** gamma * 255
    return np.asarray(np.clip((level - 128) * gain + 128 + shift, 0, 255), np.uint8)


def _erased(face: Gray, draw: np.random.Generator) -> Gray:
    """A rectangle of 10–40 % of each side hidden: a hand, hair, the edge of a screen."""
    size = face.shape[0]
    height, width = (int(size * draw.uniform(0.1, 0.4)) for _ in range(2))
    top, left = int(draw.integers(0, size - height)), int(draw.integers(0, size - width))
    face = face.copy()
    face[top : top + height, left : left + width] = draw.integers(0, 256)
    return face
