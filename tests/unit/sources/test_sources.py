"""Sources: colors, order, timestamps and pace of files; what is said about a source that is not there."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_fer.config.schema import CameraConfig
from edge_fer.domain.faces import Frame
from edge_fer.errors import CameraError
from edge_fer.sources import v4l2
from edge_fer.sources.base import Source
from edge_fer.sources.files import ImageFolder, VideoFile
from edge_fer.sources.opening import is_device, open_source

ORANGE_RGB = (230, 120, 20)


def fast(source: Path | str, **values: object) -> CameraConfig:
    return CameraConfig.model_validate({"source": str(source), "pace": "fast", **values})


def write_image(path: Path, rgb: tuple[int, int, int] = ORANGE_RGB, size: tuple[int, int] = (48, 64)) -> None:
    bgr = np.full((*size, 3), rgb[::-1], np.uint8)
    assert cv2.imwrite(str(path), bgr)


def write_video(path: Path, frames: int = 12, fps: float = 10) -> Path:
    """A video whose frames go from dark to light orange."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_OPENCV_MJPEG, cv2.VideoWriter.fourcc(*"MJPG"), fps, (64, 48))
    assert writer.isOpened()
    for number in range(frames):
        share = (number + 1) / frames
        writer.write(np.full((48, 64, 3), [round(value * share) for value in ORANGE_RGB[::-1]], np.uint8))
    writer.release()
    return path


def frames_of(source: Source) -> list[Frame]:
    frames = list(iter(source.read, None))
    source.close()
    return frames


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.avi")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    images = tmp_path / "images"
    images.mkdir()
    for number, name in enumerate(("b.png", "a.png", "c.JPG")):
        write_image(images / name, (10 * number, 0, 0))
    (images / "notes.txt").write_text("no image")
    return images


def test_a_folder_is_read_in_the_order_of_names(folder: Path) -> None:
    """a, b, c; other files are left alone; the times are camera.fps apart."""
    frames = frames_of(open_source(fast(folder, fps=4)))
    assert [int(frame.rgb[0, 0, 0]) // 10 for frame in frames[:2]] == [1, 0]
    assert [frame.seq for frame in frames] == [0, 1, 2]
    assert np.diff([frame.captured_s for frame in frames]) == pytest.approx([0.25, 0.25])


def test_pictures_are_rgb(tmp_path: Path) -> None:
    """A red-ish picture has its red first, in a folder and in a video, as read-only uint8 (H, W, 3)."""
    images = tmp_path / "images"
    images.mkdir()
    write_image(images / "orange.png")
    (from_folder,) = frames_of(ImageFolder(fast(images)))
    from_video = frames_of(VideoFile(fast(write_video(tmp_path / "clip.avi"))))[-1]
    assert tuple(from_folder.rgb[5, 5]) == ORANGE_RGB
    assert from_video.rgb[5, 5] == pytest.approx(ORANGE_RGB, abs=12)  # JPEG's chroma
    assert from_video.rgb.shape == (48, 64, 3)
    assert not from_video.rgb.flags.writeable


def test_an_unreadable_image_is_skipped_and_told(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One bad file among many costs a warning and leaves a gap in seq."""
    (folder / "a.png").write_bytes(b"not an image")
    frames = frames_of(open_source(fast(folder)))
    assert [frame.seq for frame in frames] == [1, 2]
    assert "a.png: no readable image, skipped" in caplog.text


def test_a_folder_of_unreadable_images_is_an_error(tmp_path: Path) -> None:
    """Nothing readable at all is not a quiet end of file."""
    (tmp_path / "a.jpg").write_bytes(b"junk")
    source = open_source(fast(tmp_path))
    with pytest.raises(CameraError, match="none of its images can be read"):
        source.read()


def test_a_video_keeps_its_own_times(video: Path) -> None:
    """Twelve frames at 10 per second are 0.1 s apart in both clocks, however fast they are read."""
    started = time.monotonic()
    frames = frames_of(open_source(fast(video)))
    assert time.monotonic() - started < 1
    assert [frame.seq for frame in frames] == list(range(12))
    assert np.diff([frame.captured_s for frame in frames]) == pytest.approx([0.1] * 11)
    assert (frames[-1].captured_at - frames[0].captured_at).total_seconds() == pytest.approx(1.1, abs=0.001)


def test_a_realtime_video_takes_its_time(video: Path) -> None:
    """Reading half a second of film takes half a second, and no frame comes before its time."""
    source = open_source(CameraConfig(source=str(video)))
    started = time.monotonic()
    for _ in range(6):
        frame = source.read()
        assert frame is not None
        assert time.monotonic() >= frame.captured_s
    source.close()
    assert 0.45 <= time.monotonic() - started < 3


@pytest.mark.parametrize("kind", ["video", "folder"])
def test_close_from_another_thread_ends_a_waiting_read(kind: str, request: pytest.FixtureRequest) -> None:
    """A read that waits minutes for the next frame's time returns None as soon as the source is closed."""
    path = request.getfixturevalue("folder")
    if kind == "video":
        path = write_video(path.parent / "slow.avi", fps=1)
    source = open_source(CameraConfig(source=str(path), fps=0.01))
    source.read()
    timer = threading.Timer(0.05, source.close)
    timer.start()
    started = time.monotonic()
    assert source.read() is None
    assert time.monotonic() - started < 0.9
    timer.join()
    source.close()


def test_reading_a_closed_video_is_the_end(video: Path) -> None:
    """No exception when the daemon stops between two reads."""
    source = open_source(fast(video))
    source.close()
    assert source.read() is None


class Stamps:
    """Stands for cv2.VideoCapture: three pictures with given timestamps, in milliseconds."""

    def __init__(self, stamps_ms: list[float], fps: float) -> None:
        self.stamps_ms, self.fps, self.now_ms = stamps_ms, fps, 0.0

    def read(self) -> tuple[bool, np.ndarray | None]:
        if not self.stamps_ms:
            return False, None
        self.now_ms = self.stamps_ms.pop(0)
        return True, np.zeros((2, 2, 3), np.uint8)

    def get(self, prop: int) -> float:
        return self.fps if prop == cv2.CAP_PROP_FPS else self.now_ms

    def release(self) -> None:
        self.stamps_ms = []


@pytest.mark.parametrize(
    ("stamps_ms", "fps", "steps_s"),
    [
        ([0, 40, 80], 25, [0.04, 0.04]),
        ([100, 200, 300], 10, [0.1, 0.1]),  # OpenCV's own MJPEG reader starts at one
        ([0, 0, 0], 20, [0.05, 0.05]),  # a container without timestamps
        ([0, 500, 400], 10, [0.5, 0.1]),  # backwards
        ([0, 0, 0], 0, [0.2, 0.2]),  # no rate either: camera.fps
    ],
)
def test_times_always_move_on(
    video: Path, monkeypatch: pytest.MonkeyPatch, stamps_ms: list[float], fps: float, steps_s: list[float]
) -> None:
    """Whatever a file says of its times, ours start at zero and never stand still."""
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: Stamps(list(stamps_ms), fps))
    frames = frames_of(open_source(fast(video, fps=5)))
    assert np.diff([frame.captured_s for frame in frames]) == pytest.approx(steps_s)


@pytest.mark.parametrize("content", [b"", os.urandom(4096), b"RIFF....AVI LIST"])
def test_an_unreadable_video_is_an_error(tmp_path: Path, content: bytes) -> None:
    """An empty file, noise and a cut header: the file is named, and what to do is said."""
    path = tmp_path / "clip.avi"
    path.write_bytes(content)
    with pytest.raises(CameraError, match=r"clip\.avi: no readable video") as caught:
        open_source(fast(path))
    assert caught.value.hint


def test_a_missing_file_is_an_error_that_lists_cameras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint shows the by-id paths of what is plugged in, without the metadata nodes."""
    for name in ("usb-Logi_C270-video-index0", "usb-Logi_C270-video-index1"):
        (tmp_path / name).touch()
    monkeypatch.setattr(v4l2, "BY_ID", tmp_path)
    with pytest.raises(CameraError, match="no such file or folder") as caught:
        open_source(fast("/nowhere/clip.avi"))
    assert "usb-Logi_C270-video-index0" in caught.value.hint
    assert "index1" not in caught.value.hint


def test_a_folder_without_images_is_an_error(tmp_path: Path) -> None:
    """The suffixes that count are named."""
    with pytest.raises(CameraError, match="a folder without images") as caught:
        open_source(fast(tmp_path))
    assert ".png" in caught.value.hint


def test_neither_file_nor_folder_is_an_error(tmp_path: Path) -> None:
    """A pipe is none of the three."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(CameraError, match="neither a camera nor"):
        open_source(fast(pipe))


def test_a_video_without_permission_is_an_error(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's reason is passed on."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CameraError, match="Permission denied"):
        open_source(fast(video))


@pytest.mark.parametrize(
    ("path", "device"),
    [("/dev/null", True), ("/dev/video99", True), ("/dev/v4l/by-id/usb-gone-video-index0", True), ("clip.avi", False)],
)
def test_devices_are_told_from_files(path: str, device: bool) -> None:
    """A camera's path stays a camera's path while it is unplugged."""
    assert is_device(path) is device


@pytest.mark.parametrize(
    ("path", "message"), [("/dev/null", "is no camera"), ("/dev/v4l/by-id/usb-gone", "no such camera")]
)
def test_what_is_no_camera_is_refused(path: str, message: str) -> None:
    """A character device that is no camera, and a camera that is not plugged in."""
    with pytest.raises(CameraError, match=message):
        open_source(fast(path))


@pytest.mark.parametrize(
    ("number", "message", "hint"),
    [
        (13, "permission denied", "group video"),
        (1, "not permitted", "DeviceAllow=char-81"),
        (19, "no such camera", "USB camera"),
        (16, "Device or resource busy", "USB camera"),
    ],
)
def test_the_kernels_refusal_becomes_advice(
    monkeypatch: pytest.MonkeyPatch, number: int, message: str, hint: str
) -> None:
    """EACCES, EPERM, ENODEV and others: each with what to do."""

    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(CameraError, match=message) as caught:
        open_source(fast("/dev/video0"))
    assert hint in caught.value.hint


class Webcam:
    """Stands for cv2.VideoCapture on a camera that gives `size`, whatever it is asked for."""

    opened = True

    def __init__(self, size: tuple[int, int], picture: np.ndarray | None) -> None:
        self.size, self.picture = size, picture
        self.asked: dict[int, float] = {}
        self.released = 0

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return self.opened and not self.released

    def set(self, prop: int, value: float) -> bool:
        self.asked[prop] = value
        return True

    def get(self, prop: int) -> float:
        sizes = {cv2.CAP_PROP_FRAME_WIDTH: self.size[0], cv2.CAP_PROP_FRAME_HEIGHT: self.size[1]}
        return sizes.get(prop, -1)  # OpenCV's answer for what a driver does not tell

    def read(self) -> tuple[bool, np.ndarray | None]:
        return self.picture is not None, self.picture

    def release(self) -> None:
        self.released += 1


@pytest.fixture
def webcam(monkeypatch: pytest.MonkeyPatch) -> Webcam:
    device = Webcam((640, 480), np.full((480, 640, 3), ORANGE_RGB[::-1], np.uint8))
    monkeypatch.setattr(v4l2, "_probe", lambda path: None)
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: device)
    return device


def test_a_camera_gives_rgb_frames_stamped_now(webcam: Webcam) -> None:
    """Two reads: numbered from 0, in RGB, with the present time; close releases the device."""
    source = open_source(fast("/dev/video0"))
    first, second = source.read(), source.read()
    assert first is not None
    assert second is not None
    assert source.live
    assert (first.seq, second.seq) == (0, 1)
    assert tuple(first.rgb[0, 0]) == ORANGE_RGB
    assert abs(first.captured_s - time.monotonic()) < 1
    source.close()
    assert webcam.released == 1
    assert source.read() is None


def test_another_size_than_asked_is_accepted_and_told(webcam: Webcam, caplog: pytest.LogCaptureFixture) -> None:
    """set() always says yes; the values read back count. Large pictures are asked for as MJPG."""
    source = open_source(fast("/dev/video0", width_px=1280, height_px=720))
    assert caplog.text == ""  # a camera that opens but gives nothing is retried for hours
    source.read()
    source.read()
    source.close()
    assert caplog.text.count("instead of") == 1
    assert "gives 640x480 instead of 1280x720" in caplog.text
    assert webcam.asked[cv2.CAP_PROP_FOURCC] == cv2.VideoWriter.fourcc(*"MJPG")


def test_a_camera_that_stops_is_lost(webcam: Webcam) -> None:
    """read() → False is the only sign that OpenCV gives of an unplugged camera."""
    source = open_source(fast("/dev/video0"))
    webcam.picture = None
    with pytest.raises(CameraError, match="gives no more frames"):
        source.read()
    source.close()


def test_undecoded_rows_are_refused(webcam: Webcam) -> None:
    """Shape (1, 921600) is what OpenCV 4.11 gives for a BGR3 camera."""
    webcam.picture = np.zeros((1, 921600), np.uint8)
    source = open_source(fast("/dev/video0"))
    with pytest.raises(CameraError, match=r"\(1, 921600\)"):
        source.read()
    source.close()


def test_a_camera_in_use_is_released_and_refused(webcam: Webcam) -> None:
    """A handle that stays open would make the camera come back under another number."""
    webcam.opened = False
    with pytest.raises(CameraError, match="cannot be opened"):
        open_source(fast("/dev/video0"))
    assert webcam.released == 1


def test_a_metadata_node_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second node of a webcam opens like the first but can capture nothing."""
    answer = v4l2._CAPABILITY.pack(b"uvcvideo", b"C270", b"usb-1", 0x60000, 0x84A00001, 0x04A00000, 0, 0, 0)
    answer = answer[: v4l2._CAPABILITY.size]
    monkeypatch.setattr(fcntl, "ioctl", lambda *_: answer)
    with pytest.raises(CameraError, match="this node of the camera gives no pictures"):
        open_source(fast("/dev/null"))


def test_opencv_gives_up_on_a_silent_camera_after_two_seconds() -> None:
    """OpenCV reads this when it is loaded; the package sets it before it can be."""
    assert os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] == "2"
