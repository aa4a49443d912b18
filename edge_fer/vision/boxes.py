"""Box geometry on arrays: IoU, NMS, squaring, shifting. Pure functions; boxes are float32 (n, 4) x1, y1, x2, y2."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]

_TINY = np.finfo(np.float32).tiny
"""The smallest positive float: keeps 0 / 0 from being computed for two boxes without area."""


def area(boxes: Boxes) -> NDArray[np.float32]:
    """(n,) areas in square pixels; 0 for a box without area."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float32)


def iou_matrix(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """(len(a), len(b)) intersection over union in [0, 1]; 0 where both boxes have no area."""
    top_left = np.maximum(a[:, None, :2], b[:, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[:, 2:])
    sides = np.maximum(bottom_right - top_left, 0.0)
    shared = sides[..., 0] * sides[..., 1]
    union = area(a)[:, None] + area(b) - shared
    return np.asarray(shared / np.maximum(union, _TINY), np.float32)


def square(boxes: Boxes) -> Boxes:
    """The smallest squares around the boxes with the same centers."""
    sides = boxes[:, 2:] - boxes[:, :2]
    half = np.maximum(sides[:, :1], sides[:, 1:]) / 2
    center = (boxes[:, :2] + boxes[:, 2:]) / 2
    return np.concatenate((center - half, center + half), axis=1, dtype=np.float32)


def shift(boxes: Boxes, offsets: NDArray[np.float32]) -> Boxes:
    """The boxes moved by `offsets` (n, 4), given as fractions of each box's width and height.

    Source: Zhang et al. 2016 (MTCNN), bounding box regression.
    """
    sides = boxes[:, 2:] - boxes[:, :2]
    return np.asarray(boxes + np.concatenate((sides, sides), axis=1) * offsets, np.float32)


def nms(boxes: Boxes, scores: NDArray[np.float32], iou_threshold: float) -> NDArray[np.intp]:
    """Indices of the boxes that survive non-maximum suppression, best score first; scores are above 0."""
    if not len(boxes):
        return np.empty(0, np.intp)
    xywh = np.concatenate((boxes[:, :2], boxes[:, 2:] - boxes[:, :2]), axis=1)
    kept = cv2.dnn.NMSBoxes(xywh.tolist(), scores.tolist(), 0.0, iou_threshold)
    return np.asarray(kept, np.intp).reshape(-1)


def nms_by_group(
    boxes: Boxes, scores: NDArray[np.float32], groups: NDArray[np.int32], iou_threshold: float
) -> NDArray[np.intp]:
    """Like `nms`, but boxes of different groups never suppress each other."""
    if not len(boxes):
        return np.empty(0, np.intp)
    xywh = np.concatenate((boxes[:, :2], boxes[:, 2:] - boxes[:, :2]), axis=1)
    kept = cv2.dnn.NMSBoxesBatched(xywh.tolist(), scores.tolist(), groups.tolist(), 0.0, iou_threshold)
    return np.asarray(kept, np.intp).reshape(-1)
