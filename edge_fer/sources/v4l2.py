"""A camera of the kernel's video4linux."""

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
_CAN_CAPTURE = 0x1  # V4L2_CAP_VIDEO_CAPTURE; a webcam's second node carries metadata only
_RAW_PIXELS = 640 * 480  # above this, YUYV no longer fits through USB 2 at 15 frames per second
_FORMAT = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FPS, cv2.CAP_PROP_FOURCC)


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
        return Frame(to_rgb(bgr, self._path), seq, time.monotonic(), datetime.now(timezone.utc))

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
