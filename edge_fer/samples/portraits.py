"""The two people of the demo: their stills, and where their faces are in them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_fer.domain.geometry import Box

MEDIA = Path(__file__).parent / "media"


@dataclass(frozen=True, slots=True)
class Portrait:
    """A still of one person.

    Attributes:
        subject: The name that the demo enrolls.
        path: The picture; media/README.md says where it is from.
        face: Where the face is, in pixels of the picture. Source: the PyPI package mtcnn 1.0.0 on the same file.
        cutout: Ellipse of head and shoulders, inscribed in this box: what the scene shows of the picture.
    """

    subject: str
    path: Path
    face: Box
    cutout: Box


COLLINS = Portrait("Eileen Collins", MEDIA / "astronaut.png", face=Box(182, 64, 265, 171), cutout=Box(98, 0, 352, 300))
HOPPER = Portrait("Grace Hopper", MEDIA / "grace_hopper.jpg", face=Box(178, 110, 351, 330), cutout=Box(66, 6, 462, 482))
PORTRAITS = (COLLINS, HOPPER)

_RIM = 0.3
"""Share of the ellipse's squared radius over which it fades out."""


@functools.cache
def picture(portrait: Portrait, shrink: int) -> NDArray[np.float32]:
    """The cut-out person, shrunk by a whole number so that bilinear sampling skips no pixels.

    Returns:
        float32 (H, W, 4): RGB in 0–255 times alpha, and alpha in [0, 1], of the whole picture over `shrink`.
    """
    bgr = cv2.imread(str(portrait.path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise FileNotFoundError(portrait.path)
    height, width = bgr.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    (cx, cy), box = portrait.cutout.center, portrait.cutout
    radius = ((x - cx) / (box.width / 2)) ** 2 + ((y - cy) / (box.height / 2)) ** 2
    inside = np.clip((1 - radius) / _RIM, 0, 1)
    alpha = (inside * inside * (3 - 2 * inside)).astype(np.float32)
    rgba = np.dstack((bgr[..., ::-1].astype(np.float32) * alpha[..., None], alpha))
    size = round(width / shrink), round(height / shrink)
    return np.asarray(cv2.resize(rgba, size, interpolation=cv2.INTER_AREA), np.float32)
