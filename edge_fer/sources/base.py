"""The interface of all sources of frames.

OpenCV delivers BGR; it becomes RGB here and nowhere else. A source is open from its construction until `close`; the
camera thread reopens a lost camera. A source belongs to the thread that reads it; only `close` may be called from
another thread, and it also ends a read that waits for the time of a frame.
"""

from __future__ import annotations

from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_fer.domain.faces import Frame
from edge_fer.errors import CameraError


class Source(Protocol):
    """A camera, a video file or a folder of images."""

    def read(self) -> Frame | None:
        """The next frame; blocks until there is one. None at the end of a file, or after close().

        Raises:
            CameraError: The camera delivers no more frames; it must be closed and opened again.
        """

    def close(self) -> None:
        """Release the device or file. May be called twice, and from any thread."""


def to_rgb(bgr: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """OpenCV's uint8 (H, W, 3) BGR → RGB; some drivers deliver undecoded rows such as (1, 921600)."""
    if bgr.ndim != 3 or bgr.shape[2] != 3 or bgr.dtype != np.uint8:
        raise CameraError(
            f"{name}: delivers {bgr.dtype} {bgr.shape} instead of uint8 (H, W, 3)",
            "try another camera.width_px and height_px",
        )
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
