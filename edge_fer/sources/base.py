"""What every source of frames is.

OpenCV delivers BGR; it becomes RGB here and nowhere else. A source knows how to open, read and close itself; opening a
lost camera again is the capture thread's work. A source belongs to the thread that reads it; only ``close`` may come
from another one, and it also ends a read that waits for a frame's time.
"""

from __future__ import annotations

from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_fer.domain.faces import Frame
from edge_fer.errors import CameraError


class Source(Protocol):
    """Something that frames are read from.

    Attributes:
        live: True for a camera, whose frames come when they come; False for files, which end.
    """

    @property
    def live(self) -> bool: ...

    def read(self) -> Frame | None:
        """The next frame; blocks until there is one. None at the end of a file, or once closed.

        Raises:
            CameraError: The camera gives no more frames; it must be closed and opened again.
        """

    def close(self) -> None:
        """Release the device or file. May be called twice, and from any thread."""


def to_rgb(bgr: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """OpenCV's uint8 (H, W, 3) BGR → RGB; some drivers deliver undecoded rows such as (1, 921600)."""
    if bgr.ndim != 3 or bgr.shape[2] != 3 or bgr.dtype != np.uint8:
        raise CameraError(
            f"{name}: gives {bgr.dtype} {bgr.shape} instead of uint8 (H, W, 3)",
            "try another camera.width_px and height_px",
        )
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
