"""Cameras: frames, formats, and why a camera cannot be opened."""

from __future__ import annotations

import fcntl
import os
import time

import cv2
import numpy as np
import pytest

from edge_fer.config.schema import CameraConfig
from edge_fer.errors import CameraError
from edge_fer.sources import v4l2
from edge_fer.sources.opening import open_source

ORANGE_RGB = (230, 120, 20)


def camera(path: str = "/dev/video0", **values: object) -> CameraConfig:
    return CameraConfig.model_validate({"source": path, **values})


@pytest.mark.parametrize(
    ("path", "message"), [("/dev/null", "not a camera"), ("/dev/v4l/by-id/usb-gone", "no such camera")]
)
def test_other_devices_and_missing_cameras_are_refused(path: str, message: str) -> None:
    """A character device that is not a camera, and a camera that is not connected."""
    with pytest.raises(CameraError, match=message):
        open_source(camera(path))


@pytest.mark.parametrize(
    ("number", "message", "hint"),
    [
        (13, "permission denied", "group video"),
        (1, "not permitted", "DeviceAllow=char-81"),
        (19, "no such camera", "USB camera"),
        (16, "Device or resource busy", "USB camera"),
    ],
)
def test_the_kernels_error_becomes_a_hint(
    monkeypatch: pytest.MonkeyPatch, number: int, message: str, hint: str
) -> None:
    """EACCES, EPERM, ENODEV and others: each with what to do."""

    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(CameraError, match=message) as caught:
        open_source(camera())
    assert hint in caught.value.hint


class FakeWebcam:
    """Stands in for cv2.VideoCapture on a camera that delivers `size`, whatever is requested."""

    opened = True

    def __init__(self, size: tuple[int, int], image: np.ndarray | None) -> None:
        self.size, self.image = size, image
        self.requested: dict[int, float] = {}
        self.released = 0

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return self.opened and not self.released

    def set(self, prop: int, value: float) -> bool:
        self.requested[prop] = value
        return True

    def get(self, prop: int) -> float:
        sizes = {cv2.CAP_PROP_FRAME_WIDTH: self.size[0], cv2.CAP_PROP_FRAME_HEIGHT: self.size[1]}
        return sizes.get(prop, -1)  # OpenCV's answer for what a driver does not report

    def read(self) -> tuple[bool, np.ndarray | None]:
        return self.image is not None, self.image

    def release(self) -> None:
        self.released += 1


@pytest.fixture
def webcam(monkeypatch: pytest.MonkeyPatch) -> FakeWebcam:
    device = FakeWebcam((640, 480), np.full((480, 640, 3), ORANGE_RGB[::-1], np.uint8))
    monkeypatch.setattr(v4l2, "_probe", lambda path: None)
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: device)
    return device


def test_frames_are_rgb_with_the_present_time(webcam: FakeWebcam) -> None:
    """Numbered from 0; close releases the device."""
    source = open_source(camera())
    first, second = source.read(), source.read()
    assert first is not None
    assert second is not None
    assert (first.seq, second.seq) == (0, 1)
    assert tuple(first.rgb[0, 0]) == ORANGE_RGB
    assert abs(first.captured_s - time.monotonic()) < 1
    source.close()
    assert webcam.released == 1
    assert source.read() is None


def test_another_size_is_accepted_and_logged(webcam: FakeWebcam, caplog: pytest.LogCaptureFixture) -> None:
    """set() always returns True; the values read back count. Large frames are requested as MJPG."""
    source = open_source(camera(width_px=1280, height_px=720))
    assert caplog.text == ""  # a camera that opens but delivers nothing is retried for hours
    source.read()
    source.read()
    source.close()
    assert caplog.text.count("instead of") == 1
    assert "delivers 640x480 instead of 1280x720" in caplog.text
    assert webcam.requested[cv2.CAP_PROP_FOURCC] == cv2.VideoWriter.fourcc(*"MJPG")


def test_a_camera_that_stops_is_lost(webcam: FakeWebcam) -> None:
    """read() → False is OpenCV's only sign of a disconnected camera."""
    source = open_source(camera())
    webcam.image = None
    with pytest.raises(CameraError, match="delivers no more frames"):
        source.read()
    source.close()


def test_undecoded_rows_are_refused(webcam: FakeWebcam) -> None:
    """OpenCV 4.11 delivers shape (1, 921600) for a BGR3 camera."""
    webcam.image = np.zeros((1, 921600), np.uint8)
    source = open_source(camera())
    with pytest.raises(CameraError, match=r"\(1, 921600\)"):
        source.read()
    source.close()


def test_a_camera_in_use_is_released_and_refused(webcam: FakeWebcam) -> None:
    """An open handle would make the camera come back under another number."""
    webcam.opened = False
    with pytest.raises(CameraError, match="cannot be opened"):
        open_source(camera())
    assert webcam.released == 1


def test_a_metadata_node_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second device node of a webcam opens like the first but delivers no video."""
    answer = v4l2._CAPABILITY.pack(b"uvcvideo", b"C270", b"usb-1", 0x60000, 0x84A00001, 0x04A00000, 0, 0, 0)
    answer = answer[: v4l2._CAPABILITY.size]
    monkeypatch.setattr(fcntl, "ioctl", lambda *_: answer)
    with pytest.raises(CameraError, match="this device node of the camera delivers no video"):
        open_source(camera("/dev/null"))


def test_opencv_waits_two_seconds_for_a_frame() -> None:
    """OpenCV reads this when it is loaded; the package sets it before."""
    assert os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] == "2"
