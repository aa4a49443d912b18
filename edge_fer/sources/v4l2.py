"""Cameras of Linux's Video4Linux2, such as USB webcams."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import struct
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

import cv2

from edge_fer.config.schema import CameraConfig
from edge_fer.domain.faces import Frame
from edge_fer.errors import CameraError
from edge_fer.sources.base import to_rgb

LOG = logging.getLogger(__name__)
BY_ID = Path("/dev/v4l/by-id")
_VIDIOC_QUERYCAP = 0x80685600  # linux/videodev2.h: _IOR('V', 0, struct v4l2_capability)
_CAPABILITY = struct.Struct("16s32s32s6I")  # driver, card, bus, version, capabilities, device_caps, reserved
_CAN_CAPTURE = 0x1  # V4L2_CAP_VIDEO_CAPTURE; a webcam's second node has metadata only
_MAX_RAW_PIXELS = 640 * 480  # larger YUYV frames exceed the bandwidth of USB 2 at 15 frames per second
_FORMAT = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FPS, cv2.CAP_PROP_FOURCC)


def cameras_found() -> str:
    """For hints: the connected cameras, by paths that stay the same when a camera is plugged in again."""
    found = [str(path) for path in sorted(BY_ID.glob("*-video-index0"))]
    return f"cameras found: {', '.join(found)}" if found else "no USB camera is connected"


class V4l2Camera:
    """A camera, by /dev/videoN or /dev/v4l/by-id/….

    Args:
        config: Requested size and frame rate. Another size that the camera chooses is accepted, with a warning.

    Raises:
        CameraError: Missing, not permitted, not a capture device, or in use.
    """

    def __init__(self, config: CameraConfig) -> None:
        self._path = config.source
        self._requested_size = (config.width_px, config.height_px)
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
        if config.width_px * config.height_px > _MAX_RAW_PIXELS:
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, config.width_px)
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, config.height_px)
        self._capture.set(cv2.CAP_PROP_FPS, config.fps)

    def _log_format(self) -> None:
        """Log the format that the driver chose: set() returns True also where it chose another one."""
        width_px, height_px, fps, fourcc = (round(self._capture.get(prop)) for prop in _FORMAT)
        if (width_px, height_px) != self._requested_size:
            LOG.warning("%s delivers %dx%d instead of %dx%d", self._path, width_px, height_px, *self._requested_size)
        code = (fourcc & 0xFFFFFFFF).to_bytes(4, "little").decode("ascii", "replace")
        LOG.info("camera %s: %dx%d %s at %d fps", self._path, width_px, height_px, code, fps)

    def read(self) -> Frame | None:
        with self._lock:
            if not self._capture.isOpened():
                return None
            ok, bgr = self._capture.read()
            if ok and self._seq == 0:  # not in __init__: a camera that is retried for hours must not fill the journal
                self._log_format()
        if not ok:
            raise CameraError(
                f"{self._path}: the camera delivers no more frames", f"check its cable; {cameras_found()}"
            )
        seq, self._seq = self._seq, self._seq + 1
        return Frame(to_rgb(bgr, self._path), seq, time.monotonic(), datetime.now(timezone.utc))

    def close(self) -> None:
        with self._lock:
            self._capture.release()


def _probe(path: str) -> None:
    """Ask the kernel why a camera cannot be opened: OpenCV only says that it cannot."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _open_error(path, error) from error
    try:
        answer = fcntl.ioctl(handle, _VIDIOC_QUERYCAP, bytes(_CAPABILITY.size))
    except OSError as error:
        raise CameraError(f"{path}: not a camera", cameras_found()) from error
    finally:
        os.close(handle)
    device_caps = _CAPABILITY.unpack(answer)[5]
    if not device_caps & _CAN_CAPTURE:
        raise CameraError(f"{path}: this device node of the camera delivers no video", cameras_found())


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
