"""Where pictures come from: a V4L2 camera, a video file or a folder of images.

OpenCV delivers BGR; it becomes RGB here and nowhere else. A source knows how to open, read and close itself; opening a
lost camera again is the capture thread's work. A source belongs to the thread that reads it; only ``close`` may come
from another one, and it also ends a read that waits for a frame's time.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import struct
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_fer.config import CameraConfig
from edge_fer.errors import CameraError
from edge_fer.types import Frame

LOG = logging.getLogger(__name__)

BY_ID = Path("/dev/v4l/by-id")
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})

_VIDIOC_QUERYCAP = 0x80685600  # linux/videodev2.h: _IOR('V', 0, struct v4l2_capability)
_CAPABILITY = struct.Struct("16s32s32s6I")  # driver, card, bus, version, capabilities, device_caps, reserved
_CAN_CAPTURE = 0x1  # V4L2_CAP_VIDEO_CAPTURE; a webcam's second node carries metadata only
_RAW_PIXELS = 640 * 480  # above this, YUYV no longer fits through USB 2 at 15 frames per second


_FORMAT = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FPS, cv2.CAP_PROP_FOURCC)
_VIDEO_BACKEND = cv2.CAP_FFMPEG if cv2.CAP_FFMPEG in cv2.videoio_registry.getBackends() else cv2.CAP_ANY
"""FFmpeg where OpenCV has it, as its wheels do: its own AVI reader writes noise to standard error."""


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


def is_device(source: str) -> bool:
    """True for a camera's path, also for that of a camera which is not plugged in at the moment."""
    path = Path(source)
    return path.is_char_device() or (source.startswith("/dev/") and not path.exists())


def open_source(config: CameraConfig) -> Source:
    """Open what ``camera.source`` names.

    Raises:
        CameraError: It is missing, is neither camera nor video nor folder of images, or may not be read.
    """
    path = Path(config.source)
    if is_device(config.source):
        return V4l2Camera(config)
    if path.is_dir():
        return ImageFolder(config)
    if path.is_file():
        return VideoFile(config)
    if path.exists():
        raise CameraError(
            f"{path}: neither a camera nor a video file nor a folder", "point camera.source at one of these"
        )
    raise CameraError(f"{path}: no such file or folder", f"check camera.source; {cameras_found()}")


def cameras_found() -> str:
    """A phrase for hints: the cameras that are plugged in, by paths that outlive a re-plug."""
    found = [str(path) for path in sorted(BY_ID.glob("*-video-index0"))]
    return f"cameras found: {', '.join(found)}" if found else "no USB camera is plugged in"


class V4l2Camera:
    """A camera of the kernel's video4linux, by /dev/videoN or /dev/v4l/by-id/….

    Args:
        config: Size and rate that are asked for. What the camera gives instead is accepted, with a warning.

    Raises:
        CameraError: Not there, not permitted, no capture device, in use, or without a picture.
    """

    live = True

    def __init__(self, config: CameraConfig) -> None:
        self._path = config.source
        self._wanted = (config.width_px, config.height_px)
        self._seq = 0
        self._lock = threading.Lock()
        _probe(self._path)
        self._capture = cv2.VideoCapture(self._path, cv2.CAP_V4L2)
        try:
            self._configure(config)
        except CameraError:
            self._capture.release()  # a handle left open makes the camera come back under another number
            raise

    def _configure(self, config: CameraConfig) -> None:
        if not self._capture.isOpened():
            raise CameraError(f"{self._path}: the camera cannot be opened", "close other programs that use it")
        if config.width_px * config.height_px > _RAW_PIXELS:
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, config.width_px)
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, config.height_px)
        self._capture.set(cv2.CAP_PROP_FPS, config.fps)

    def _tell_format(self) -> None:
        """What the camera gives, read back: set() says True whatever the driver did with it."""
        width_px, height_px, fps, fourcc = (round(self._capture.get(prop)) for prop in _FORMAT)
        if (width_px, height_px) != self._wanted:
            LOG.warning("%s gives %dx%d instead of %dx%d", self._path, width_px, height_px, *self._wanted)
        code = (fourcc & 0xFFFFFFFF).to_bytes(4, "little").decode("ascii", "replace")
        LOG.info("camera %s: %dx%d %s at %d fps", self._path, width_px, height_px, code, fps)

    def read(self) -> Frame | None:
        with self._lock:
            if not self._capture.isOpened():
                return None
            ok, bgr = self._capture.read()
            if ok and self._seq == 0:  # not when it is opened: one that is retried for hours must not fill the journal
                self._tell_format()
        if not ok:
            raise CameraError(f"{self._path}: the camera gives no more frames", f"check its cable; {cameras_found()}")
        seq, self._seq = self._seq, self._seq + 1
        return Frame(_rgb(bgr, self._path), seq, time.monotonic(), datetime.now(timezone.utc))

    def close(self) -> None:
        with self._lock:
            self._capture.release()


def _probe(path: str) -> None:
    """Ask the kernel for what OpenCV only answers with False: why a camera cannot be opened."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _open_error(path, error) from error
    try:
        answer = fcntl.ioctl(handle, _VIDIOC_QUERYCAP, bytes(_CAPABILITY.size))
    except OSError as error:
        raise CameraError(f"{path}: is no camera", cameras_found()) from error
    finally:
        os.close(handle)
    device_caps = _CAPABILITY.unpack(answer)[5]
    if not device_caps & _CAN_CAPTURE:
        raise CameraError(f"{path}: this node of the camera gives no pictures", cameras_found())


def _open_error(path: str, error: OSError) -> CameraError:
    if error.errno == errno.EACCES:
        return CameraError(
            f"{path}: permission denied",
            "add the user to group video (sudo usermod -aG video $USER) and log in again",
        )
    if error.errno == errno.EPERM:
        return CameraError(f"{path}: not permitted", "the service needs DeviceAllow=char-81 in its unit file")
    if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return CameraError(f"{path}: no such camera", cameras_found())
    return CameraError(f"{path}: {error.strerror}", cameras_found())


class _FileClock:
    """Gives each frame of a file its time, and holds it back until then when the file plays in real time."""

    def __init__(self, config: CameraConfig) -> None:
        self._realtime = config.pace == "realtime"
        self._started_s = time.monotonic()
        self._started_at = datetime.now(timezone.utc)
        self._closing = threading.Event()

    def frame(self, rgb: NDArray[np.uint8], seq: int, position_s: float) -> Frame | None:
        """The frame that stands at position_s of the file, when its time has come; None once closed."""
        captured_s = self._started_s + position_s
        wait_s = captured_s - time.monotonic() if self._realtime else 0.0
        if self._closing.wait(max(0.0, wait_s)):
            return None
        return Frame(rgb, seq, captured_s, self._started_at + timedelta(seconds=position_s))

    def close(self) -> None:
        self._closing.set()


class VideoFile:
    """A video, played by its own timestamps or as fast as it is read.

    Raises:
        CameraError: The file may not be read, or holds no picture that OpenCV can decode.
    """

    live = False

    def __init__(self, config: CameraConfig) -> None:
        self._path = Path(config.source)
        _check_readable(self._path)
        self._lock = threading.Lock()
        self._capture = cv2.VideoCapture(str(self._path), _VIDEO_BACKEND)
        own_fps = self._capture.get(cv2.CAP_PROP_FPS)
        self._interval_s = 1 / (own_fps if 0 < own_fps <= 1000 else config.fps)
        self._seq = 0
        self._position_s = -self._interval_s
        self._first_stamp_s: float | None = None
        self._next = self._decode()
        if self._next is None:
            self._capture.release()
            raise CameraError(f"{self._path}: no readable video", "play it elsewhere, or convert it to MP4 (H.264)")
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
        """Decode one picture and move to its position; a file without useful timestamps advances by its rate."""
        with self._lock:
            ok, bgr = self._capture.read()
            stamp_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if not ok:
            return None
        if self._first_stamp_s is None:
            self._first_stamp_s = stamp_s
        position_s = stamp_s - self._first_stamp_s
        self._position_s = position_s if position_s > self._position_s else self._position_s + self._interval_s
        return _rgb(bgr, str(self._path))

    def close(self) -> None:
        self._clock.close()
        with self._lock:
            self._capture.release()


class ImageFolder:
    """The images of a folder in the order of their names, ``camera.fps`` of them a second.

    Raises:
        CameraError: The folder may not be read, or holds no image.
    """

    live = False

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
                f"{self._folder}: a folder without images", f"put images there ({', '.join(sorted(IMAGE_SUFFIXES))})"
            )
        self._read = self._unreadable = 0
        self._clock = _FileClock(config)

    def read(self) -> Frame | None:
        while self._read < len(self._images):
            seq, self._read = self._read, self._read + 1
            rgb = self._load(self._images[seq])
            if rgb is not None:
                return self._clock.frame(rgb, seq, seq * self._interval_s)
        if self._unreadable == len(self._images):
            raise CameraError(f"{self._folder}: none of its images can be read", "check the files' format")
        return None

    def _load(self, path: Path) -> NDArray[np.uint8] | None:
        bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if bgr is None:
            self._unreadable += 1
            LOG.warning("%s: no readable image, skipped", path)
            return None
        return _rgb(bgr, str(path))

    def close(self) -> None:
        self._clock.close()


def _check_readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise CameraError(f"{path}: {error.strerror}", "check the file's permissions") from error


def _rgb(bgr: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """OpenCV's uint8 (H, W, 3) BGR → RGB; some drivers deliver undecoded rows such as (1, 921600)."""
    if bgr.ndim != 3 or bgr.shape[2] != 3 or bgr.dtype != np.uint8:
        raise CameraError(
            f"{name}: gives {bgr.dtype} {bgr.shape} instead of uint8 (H, W, 3)",
            "try another camera.width_px and height_px",
        )
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
