"""The two public-domain portraits that ship with edge_fer, as arrays."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

_MEDIA = Path(__file__).parents[1] / "edge_fer" / "samples" / "media"

ASTRONAUT = _MEDIA / "astronaut.png"
GRACE_HOPPER = _MEDIA / "grace_hopper.jpg"


@cache
def picture(path: Path) -> NDArray[np.uint8]:
    """uint8 (H, W, 3), RGB, read-only."""
    bgr = cv2.imread(str(path))
    assert bgr is not None, f"{path} cannot be read"
    rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
    rgb.flags.writeable = False
    return rgb
