"""Video files and folders of images."""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_fer.config.schema import CameraConfig
from edge_fer.domain.faces import Frame
from edge_fer.errors import CameraError
from edge_fer.sources.base import to_rgb

LOG = logging.getLogger(__name__)

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
_VIDEO_BACKEND = cv2.CAP_FFMPEG if cv2.CAP_FFMPEG in cv2.videoio_registry.getBackends() else cv2.CAP_ANY
"""FFmpeg where OpenCV has it, as its wheels do: OpenCV's own AVI reader writes messages to standard error."""


class _FileClock:
    """Gives each frame of a file its time, and delays it until then when the file plays in real time."""

    def __init__(self, config: CameraConfig) -> None:
        self._realtime = config.pace == "realtime"
        self._started_s = time.monotonic()
        self._started_at = datetime.now(timezone.utc)
        self._closing = threading.Event()

    def frame(self, rgb: NDArray[np.uint8], seq: int, position_s: float) -> Frame | None:
        """The frame at `position_s` of the file, when its time has come; None after close()."""
        captured_s = self._started_s + position_s
        wait_s = captured_s - time.monotonic() if self._realtime else 0.0
        if self._closing.wait(max(0.0, wait_s)):
            return None
        return Frame(rgb, seq, captured_s, self._started_at + timedelta(seconds=position_s))

    def close(self) -> None:
        self._closing.set()


class VideoFile:
    """A video file, played by its own timestamps or as fast as it is read.

    Raises:
        CameraError: The file cannot be read, or contains no frame that OpenCV can decode.
    """

    def __init__(self, config: CameraConfig) -> None:
        self._path = Path(config.source)
        _check_readable(self._path)
        self._lock = threading.Lock()
        self._capture = cv2.VideoCapture(str(self._path), _VIDEO_BACKEND)
        file_fps = self._capture.get(cv2.CAP_PROP_FPS)
        self._interval_s = 1 / (file_fps if 0 < file_fps <= 1000 else config.fps)
        self._seq = 0
        self._position_s = -self._interval_s
        self._first_timestamp_s: float | None = None
        self._next = self._decode()
        if self._next is None:
            self._capture.release()
            raise CameraError(
                f"{self._path}: not a readable video", "convert it to MP4 (H.264), for example with ffmpeg"
            )
        self._clock = _FileClock(config)

    def read(self) -> Frame | None:
        rgb, self._next = self._next, None
        if rgb is None:
            rgb = self._decode()
        if rgb is None:
            return None
        seq, self._seq = self._seq, self._seq + 1
        return self._clock.frame(rgb, seq, self._position_s)

    def _decode(self) -> NDArray[np.uint8] | None:
        """Decode one frame and move to its position; a file without useful timestamps advances by its frame rate."""
        with self._lock:
            ok, bgr = self._capture.read()
            timestamp_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if not ok:
            return None
        if self._first_timestamp_s is None:
            self._first_timestamp_s = timestamp_s
        position_s = timestamp_s - self._first_timestamp_s
        self._position_s = position_s if position_s > self._position_s else self._position_s + self._interval_s
        return to_rgb(bgr, str(self._path))

    def close(self) -> None:
        self._clock.close()
        with self._lock:
            self._capture.release()


class ImageFolder:
    """The images of a folder in the order of their names, ``camera.fps`` per second.

    Raises:
        CameraError: The folder cannot be read, or contains no image.
    """

    def __init__(self, config: CameraConfig) -> None:
        self._folder = Path(config.source)
        self._interval_s = 1 / config.fps
        try:
            entries = sorted(self._folder.iterdir())
        except OSError as error:
            raise CameraError(f"{self._folder}: {error.strerror}", "check the folder's permissions") from error
        self._images = [path for path in entries if path.suffix.lower() in IMAGE_SUFFIXES]
        if not self._images:
            raise CameraError(
                f"{self._folder}: the folder contains no images", f"add images ({', '.join(sorted(IMAGE_SUFFIXES))})"
            )
        self._next = self._unreadable = 0
        self._clock = _FileClock(config)

    def read(self) -> Frame | None:
        while self._next < len(self._images):
            seq, self._next = self._next, self._next + 1
            rgb = self._load(self._images[seq])
            if rgb is not None:
                return self._clock.frame(rgb, seq, seq * self._interval_s)
        if self._unreadable == len(self._images):
            raise CameraError(f"{self._folder}: none of its images can be read", "check the format of the files")
        return None

    def _load(self, path: Path) -> NDArray[np.uint8] | None:
        bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if bgr is None:
            self._unreadable += 1
            LOG.warning("%s: not a readable image, skipped", path)
            return None
        return to_rgb(bgr, str(path))

    def close(self) -> None:
        self._clock.close()


def _check_readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise CameraError(f"{path}: {error.strerror}", "check the file's permissions") from error
