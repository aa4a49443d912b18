"""Five landmarks → the crop that a model's manifest asks for."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_fer.manifest import Crop, Input
from edge_fer.types import Landmarks

_PREFILTER_BELOW = 0.5
"""Shrinking below this factor is done in two steps: bilinear sampling reads 2×2 pixels, so it would skip pixels."""


def similarity_transform(points: NDArray[np.floating], template: NDArray[np.floating]) -> NDArray[np.float64]:
    """Least-squares rotation, uniform scale and shift, without reflection.

    Args:
        points: (n, 2) x, y to be moved.
        template: (n, 2) x, y where they are to lie.

    Returns:
        (2, 3) float64 matrix M with M @ (x, y, 1) near the template.

    Source: Umeyama 1991, closed form in two dimensions.
    """
    source = np.asarray(points, np.float64)
    target = np.asarray(template, np.float64)
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    x, y = (source - source_mean).T
    u, v = (target - target_mean).T
    spread = float((x * x + y * y).sum())
    if spread < 1e-9:  # all points in one place: keep the scale, move the centre
        a, b = 1.0, 0.0
    else:
        a, b = float((x * u + y * v).sum()) / spread, float((x * v - y * u).sum()) / spread
    linear = np.array(((a, -b), (b, a)))
    return np.column_stack((linear, target_mean - linear @ source_mean))


def align(rgb: NDArray[np.uint8], landmarks: Landmarks, crop: Crop) -> NDArray[np.uint8]:
    """Cut a face out so that its landmarks lie on the crop's.

    Args:
        rgb: uint8 (H, W, 3) or (H, W).
        landmarks: In pixels of `rgb`.
        crop: Size and landmark positions, from the model's manifest.

    Returns:
        uint8 (height, width[, 3]); black where the crop reaches outside the picture.
    """
    matrix = similarity_transform(landmarks.array(), np.asarray(crop.landmarks))
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < _PREFILTER_BELOW:
        rgb, matrix = _shrunk(rgb, matrix, scale)
    return np.asarray(cv2.warpAffine(rgb, matrix, crop.size_px, flags=cv2.INTER_LINEAR), np.uint8)


def _shrunk(
    rgb: NDArray[np.uint8], matrix: NDArray[np.float64], scale: float
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The picture shrunk by area averaging to about twice the crop's resolution, and the matrix for it."""
    height, width = rgb.shape[:2]
    factor = scale / _PREFILTER_BELOW
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    back = np.diag((width / size[0], height / size[1]))
    # INTER_AREA keeps pixel areas, so pixel centres move by half a pixel: x_full = (x_small + ½)·f − ½
    offset = (np.diag(back) - 1) / 2
    return np.asarray(small, np.uint8), np.column_stack((matrix[:, :2] @ back, matrix[:, 2] + matrix[:, :2] @ offset))


def model_input(crop: NDArray[np.uint8], contract: Input) -> NDArray[np.uint8] | NDArray[np.float32]:
    """Colour order, mean and std of the model, for one crop.

    Args:
        crop: uint8 (height, width, 3), RGB.
        contract: The input part of the model's manifest.

    Returns:
        (1, height, width, channels): uint8 where the model takes raw pixels, else float32.
    """
    if contract.colour == "grey":
        picture: NDArray[np.uint8] = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8)[..., None]
    else:
        picture = crop[..., ::-1] if contract.colour == "bgr" else crop
    if not contract.mean and not contract.std:
        return picture[None]
    mean = np.asarray(contract.mean or 0, np.float32)
    std = np.asarray(contract.std or 1, np.float32)
    return np.asarray((picture.astype(np.float32) - mean) / std, np.float32)[None]
