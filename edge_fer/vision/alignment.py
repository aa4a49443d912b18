"""Five landmarks → the face crop that a model's manifest asks for."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_fer.domain.geometry import Landmarks
from edge_fer.tflite.manifest import Crop, Input

_PREFILTER_BELOW = 0.5
"""Scaling down below this factor takes two steps: bilinear sampling reads 2×2 pixels, so it would skip pixels."""


def similarity_transform(points: Sequence[Sequence[float]], template: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Least-squares rotation, uniform scale and translation, without reflection.

    Args:
        points: n pairs x, y; plain floats, which for five points are faster than arrays.
        template: n pairs x, y that the points are mapped to.

    Returns:
        (2, 3) float64 matrix M that maps (x, y, 1) of a point close to its place in the template.

    Source: Umeyama 1991, closed form in two dimensions.
    """
    mean_x, mean_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    mean_u, mean_v = (sum(values) / len(points) for values in zip(*template, strict=True))
    spread = along = across = 0.0
    for (x, y), (u, v) in zip(points, template, strict=True):
        dx, dy, du, dv = x - mean_x, y - mean_y, u - mean_u, v - mean_v
        spread += dx * dx + dy * dy
        along += dx * du + dy * dv
        across += dx * dv - dy * du
    if spread < 1e-9:  # all points coincide: keep the scale, move the center
        a, b = 1.0, 0.0
    else:
        a, b = along / spread, across / spread
    return np.array(((a, -b, mean_u - a * mean_x + b * mean_y), (b, a, mean_v - b * mean_x - a * mean_y)))


def align(rgb: NDArray[np.uint8], landmarks: Landmarks, crop: Crop, *, gray: bool = False) -> NDArray[np.uint8]:
    """Crop a face so that its landmarks lie on the crop's.

    Args:
        rgb: uint8 (H, W, 3) or (H, W).
        landmarks: In pixels of `rgb`.
        crop: Size and landmark positions, from the model's manifest.
        gray: Convert (H, W, 3) to gray first, so that only a third of the values is sampled.

    Returns:
        uint8 (height, width[, 3]); black where the crop reaches outside the image.
    """
    matrix = similarity_transform(landmarks, crop.landmarks)
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    if gray or scale < _PREFILTER_BELOW:
        rgb, matrix = _relevant_part(rgb, matrix, scale, crop.size_px)
    if gray:
        rgb = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    if scale < _PREFILTER_BELOW:
        rgb, matrix = _scaled_down(rgb, matrix, scale)
    return np.asarray(cv2.warpAffine(rgb, matrix, crop.size_px, flags=cv2.INTER_LINEAR), np.uint8)


def _relevant_part(
    rgb: NDArray[np.uint8], matrix: NDArray[np.float64], scale: float, size_px: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The part of the image that the crop is sampled from, and the matrix for it."""
    (a, _, shift_x), (b, _, shift_y) = matrix.tolist()
    area = max(scale * scale, 1e-9)
    corners = [(u - shift_x, v - shift_y) for u in (0, size_px[0]) for v in (0, size_px[1])]
    xs, ys = [(a * u + b * v) / area for u, v in corners], [(a * v - b * u) / area for u, v in corners]
    margin_px = 2 + 1 / max(scale, 1e-3)  # neighbors that sampling reads, also after scaling down
    x1, x2 = _span(min(xs) - margin_px, max(xs) + margin_px, rgb.shape[1])
    y1, y2 = _span(min(ys) - margin_px, max(ys) + margin_px, rgb.shape[0])
    return rgb[y1:y2, x1:x2], np.array(((a, -b, shift_x + a * x1 - b * y1), (b, a, shift_y + b * x1 + a * y1)))


def _span(first: float, last: float, count: int) -> tuple[int, int]:
    """First and last pixel + 1 between two positions, inside the image; at least one pixel."""
    start = min(max(0, int(first)), count - 1)
    return start, max(start + 1, min(count, math.ceil(last)))


def _scaled_down(
    rgb: NDArray[np.uint8], matrix: NDArray[np.float64], scale: float
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The image averaged down to about twice the crop's resolution, and the matrix for it."""
    height, width = rgb.shape[:2]
    factor = scale / _PREFILTER_BELOW
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    back = np.diag((width / size[0], height / size[1]))
    # INTER_AREA keeps pixel areas, so pixel centers move by half a pixel: x_full = (x_small + ½)·f − ½
    offset = (np.diag(back) - 1) / 2
    return np.asarray(small, np.uint8), np.column_stack((matrix[:, :2] @ back, matrix[:, 2] + matrix[:, :2] @ offset))


def model_input(crop: NDArray[np.uint8], contract: Input) -> NDArray[np.uint8] | NDArray[np.float32]:
    """Bring one crop into the color order, mean and standard deviation that the model takes.

    Args:
        crop: uint8 (height, width, 3), RGB; or (height, width) where the model takes gray.
        contract: The input part of the model's manifest.

    Returns:
        (1, height, width, channels): uint8 where the model takes raw pixels, else float32.
    """
    if contract.color == "gray":
        gray = crop if crop.ndim == 2 else np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8)
        pixels: NDArray[np.uint8] = gray[..., None]
    else:
        pixels = crop[..., ::-1] if contract.color == "bgr" else crop
    if not contract.mean and not contract.std:
        return pixels[None]
    mean = np.asarray(contract.mean or 0, np.float32)
    std = np.asarray(contract.std or 1, np.float32)
    return np.asarray((pixels.astype(np.float32) - mean) / std, np.float32)[None]
