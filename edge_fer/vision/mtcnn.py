"""MTCNN: frame → faces with five landmarks, by a cascade of three networks.

P-Net proposes windows of an image pyramid, R-Net rejects most of them, O-Net gives boxes and landmarks.

Source: Zhang et al. 2016, "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_fer.config.schema import DetectorConfig
from edge_fer.domain.faces import Detection
from edge_fer.domain.geometry import Box, Landmarks, Point
from edge_fer.tflite.model import Model
from edge_fer.vision import boxes as box_ops
from edge_fer.vision import pyramid
from edge_fer.vision.boxes import Boxes
from edge_fer.vision.pyramid import ImagePyramid

Floats = NDArray[np.float32]

R_NET_PX, O_NET_PX = 24, 48

NMS_WITHIN_LEVEL, NMS_BETWEEN_LEVELS, NMS_R_NET, NMS_O_NET = 0.5, 0.7, 0.7, 0.7
"""Overlaps above which the candidate of lower score is dropped. Source: Zhang et al.'s published code."""

_FOLLOWED_SCORE = 0.4
"""O-Net score that a followed face needs: a turned head scores lower and is still a face.

Source: benchmarks/following.py.
"""

_SAMPLING = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
_GRAY = (pyramid.EMPTY,) * 3
_NO_FACES: tuple[Detection, ...] = ()


class Mtcnn:
    """The cascade, with its buffers; one thread owns it.

    Attributes:
        models: P-Net, R-Net, O-Net.
        min_face_px: Smallest face that `detect` looks for, at least 20; may be changed at any time.

    Args:
        folder: Contains pnet.tflite, rnet.tflite and onet.tflite with their manifests.
        config: Smallest face, pyramid step, thresholds.
        threads: XNNPACK threads of each network.

    Raises:
        ModelError: A network is missing, changed, or takes another input.
    """

    def __init__(self, folder: Path, config: DetectorConfig, *, threads: int = 1) -> None:
        self.models = tuple(Model(folder / f"{name}.tflite", threads=threads) for name in ("pnet", "rnet", "onet"))
        self._p_net, self._r_net, self._o_net = self.models
        self._config = config
        self._min_logits = tuple(map(_logit, config.thresholds))
        self._min_followed_logit = min(_logit(_FOLLOWED_SCORE), self._min_logits[2])
        self.min_face_px = config.min_face_px
        self._canvas = np.empty((0, 0, 3), np.uint8)

    def detect(self, rgb: NDArray[np.uint8]) -> tuple[Detection, ...]:
        """Find all faces.

        Args:
            rgb: uint8 (H, W, 3), RGB, of any size; a new size costs some milliseconds of planning.

        Returns:
            Best score first. Boxes may reach outside the frame.

        Raises:
            InferenceError: A network failed.
        """
        region, corner = _region(rgb, self._config.region)
        halvings = ImagePyramid(region)
        candidates = self._propose(region.shape[1], region.shape[0], halvings)
        candidates = self._refine(halvings, candidates)
        faces = self._output(crops(halvings, candidates, O_NET_PX), candidates, self._min_logits[2])
        return tuple(_moved(face, corner) for face in faces) if any(corner) else faces

    def follow(self, rgb: NDArray[np.uint8], expected: Sequence[Box]) -> tuple[Detection, ...]:
        """Find known faces again, only where they are expected, at a fraction of the cost of `detect`.

        Args:
            rgb: uint8 (H, W, 3), RGB.
            expected: Where each face should be, within about a fifth of its size.

        Returns:
            Best score first, without the faces that are gone; two expected boxes on one face give one detection.

        Raises:
            InferenceError: O-Net failed.
        """
        if not expected:
            return _NO_FACES
        squares = np.array([box.squared().xyxy() for box in expected])
        return self._output(crops_around(rgb, squares, O_NET_PX), squares, self._min_followed_logit)

    def _propose(self, width_px: int, height_px: int, halvings: ImagePyramid) -> Boxes:
        """Candidate squares, from P-Net on the whole pyramid."""
        layout = pyramid.plan(width_px, height_px, self.min_face_px, self._config.scale_factor)
        if not layout.levels:
            return np.empty((0, 4), np.float32)
        if self._canvas.shape[:2] != (layout.height_px, layout.width_px):
            self._canvas = np.full((layout.height_px, layout.width_px, 3), pyramid.EMPTY, np.uint8)
        pyramid.fill_canvas(self._canvas, layout, halvings)
        output = self._p_net(self._canvas[None])[0].reshape(-1, 5)
        passed = np.flatnonzero(output[:, 0] > self._min_logits[0])
        passed = passed[layout.level_of[passed] >= 0]
        windows, logits = layout.windows[passed], output[passed, 0]
        kept = box_ops.nms_by_group(windows, _sigmoid(logits), layout.level_of[passed], NMS_WITHIN_LEVEL)
        boxes = box_ops.shift(windows[kept], output[passed[kept], 1:])
        return box_ops.square(boxes[box_ops.nms(boxes, _sigmoid(logits[kept]), NMS_BETWEEN_LEVELS)])

    def _refine(self, halvings: ImagePyramid, candidates: Boxes) -> Boxes:
        """The candidate squares that R-Net accepts, moved by its regression."""
        if not len(candidates):
            return candidates
        output = self._r_net(crops(halvings, candidates, R_NET_PX))[0].reshape(-1, 5)
        passed = output[:, 0] > self._min_logits[1]
        boxes = box_ops.shift(candidates[passed], output[passed, 1:])
        return box_ops.square(boxes[box_ops.nms(boxes, _sigmoid(output[passed, 0]), NMS_R_NET)])

    def _output(self, face_crops: NDArray[np.uint8], squares: Boxes, min_logit: float) -> tuple[Detection, ...]:
        """The faces among the squares, of which `face_crops` holds the crops, with box and landmarks from O-Net."""
        if not len(squares):
            return _NO_FACES
        rows = self._o_net(face_crops)[0].reshape(-1, 15).tolist()
        faces = [_face(square, row) for square, row in zip(squares.tolist(), rows, strict=True) if row[0] > min_logit]
        return without_contained(faces)


def _face(square: Sequence[float], row: Sequence[float]) -> Detection:
    """O-Net's output for a square as a detection, in plain floats, which are fast for few faces.

    Args:
        square: x1, y1, x2, y2.
        row: Logit, then 4 edges, 5 x and 5 y as fractions of the square.
    """
    x1, y1, x2, y2 = square
    side = x2 - x1
    left, top, right, bottom = row[1:5]
    box = Box(x1 + side * left, y1 + side * top, x2 + side * right, y2 + side * bottom)
    points = [Point(x1 + side * x, y1 + side * y) for x, y in zip(row[5:10], row[10:], strict=True)]
    score = (1 + math.tanh(row[0] / 2)) / 2  # the logistic function
    return Detection(box, score, Landmarks(*points))


def without_contained(faces: Sequence[Detection]) -> tuple[Detection, ...]:
    """Best score first, without those that mostly lie inside one of higher score, or contain one.

    Source: Zhang et al. 2016's published code, NMS of type "Min" after O-Net.
    """
    kept: list[Detection] = []
    for face in sorted(faces, key=lambda face: -face.score):
        box = face.box
        if all(box.shared(better.box) <= NMS_O_NET * min(box.area, better.box.area) for better in kept):
            kept.append(face)
    return tuple(kept)


def crops(halvings: ImagePyramid, squares: Boxes, side_px: int) -> NDArray[np.uint8]:
    """Crop squares and scale them to one size.

    Args:
        halvings: Of the frame.
        squares: float32 (n, 4) in frame pixels; parts outside the frame become gray.
        side_px: Size of the crops.

    Returns:
        uint8 (n, side_px, side_px, 3).
    """
    mips, matrices = _sampling_transforms(squares, side_px, halvings.count)
    out = np.empty((len(squares), side_px, side_px, 3), np.uint8)
    for target, matrix, mip in zip(out, matrices, mips, strict=True):
        _sample(halvings[mip], matrix, target)
    return out


def crops_around(rgb: NDArray[np.uint8], squares: Boxes, side_px: int) -> NDArray[np.uint8]:
    """The same as `crops`, up to rounding, but only the surroundings of each square are halved, not the whole frame.

    Args:
        rgb: uint8 (H, W, 3).
        squares: float32 (n, 4) in frame pixels; parts outside the frame become gray.
        side_px: Size of the crops.

    Returns:
        uint8 (n, side_px, side_px, 3).
    """
    mips, matrices = _sampling_transforms(squares, side_px, ImagePyramid(rgb).count)
    out = np.empty((len(squares), side_px, side_px, 3), np.uint8)
    for target, matrix, mip, square in zip(out, matrices, mips, squares.tolist(), strict=True):
        image, (x, y) = _surroundings(rgb, mip, square)
        matrix[0, 2] -= x
        matrix[1, 2] -= y
        _sample(image, matrix, target)
    return out


def _sampling_transforms(squares: Boxes, side_px: int, mip_count: int) -> tuple[list[int], NDArray[np.float64]]:
    """For each square, the halving to sample, and (n, 2, 3) matrices from the crop's pixels to those of the halving."""
    step = np.maximum(squares[:, 2] - squares[:, 0], 1e-3) / side_px
    mips = np.minimum(np.log2(np.maximum(step, 1.0)).astype(int), mip_count - 1)
    zoom = np.exp2(-mips)
    step = step * zoom
    matrices = np.zeros((len(squares), 2, 3))
    matrices[:, 0, 0] = matrices[:, 1, 1] = step
    # from pixel centers of the crop to pixel centers of the halving
    matrices[:, :, 2] = squares[:, :2] * zoom[:, None] + (step / 2 - 0.5)[:, None]
    return mips.tolist(), matrices


def _sample(image: NDArray[np.uint8], matrix: NDArray[np.float64], target: NDArray[np.uint8]) -> None:
    """Fill `target`, a square crop, in place."""
    cv2.warpAffine(image, matrix, target.shape[:2], target, _SAMPLING, cv2.BORDER_CONSTANT, _GRAY)


def _surroundings(
    rgb: NDArray[np.uint8], mip: int, square: Sequence[float]
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """The part of a halving that a crop of the square samples, and the position of its corner in the halving."""
    if not mip:
        return rgb, (0, 0)
    (x1, x2), (y1, y2) = (_span(square[i], square[i + 2], mip, rgb.shape[1 - i]) for i in (0, 1))
    return ImagePyramid(rgb[y1 << mip : y2 << mip, x1 << mip : x2 << mip])[mip], (x1, y1)


def _span(first_px: float, last_px: float, mip: int, count_px: int) -> tuple[int, int]:
    """First and last pixel + 1 of a halving between two positions of the frame, with one more on each side."""
    count = count_px >> mip
    first = min(max(0, (int(first_px) >> mip) - 1), count - 1)
    return first, max(first + 1, min(count, (int(last_px) >> mip) + 2))


def _region(
    rgb: NDArray[np.uint8], region: tuple[float, float, float, float] | None
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """The part of the frame to search, at least one pixel, and the position of its corner."""
    if region is None:
        return rgb, (0, 0)
    height, width = rgb.shape[:2]
    x1, y1 = min(int(region[0] * width), width - 1), min(int(region[1] * height), height - 1)
    x2, y2 = max(x1 + 1, round(region[2] * width)), max(y1 + 1, round(region[3] * height))
    return rgb[y1:y2, x1:x2], (x1, y1)


def _moved(face: Detection, corner: tuple[int, int]) -> Detection:
    points = face.landmarks.array() + np.asarray(corner, np.float32)
    return Detection(face.box.moved(*corner), face.score, Landmarks.from_array(points))


def _logit(probability: float) -> float:
    if probability in {0, 1}:  # thresholds 0 and 1 mean all and none
        return math.inf if probability else -math.inf
    return math.log(probability) - math.log1p(-probability)


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logits)), np.float32)
