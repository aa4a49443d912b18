"""Video files and folders of images: colors, order, timestamps, pace, and errors."""

from __future__ import annotations

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
from edge_fer.sources.base import Source
from edge_fer.sources.files import ImageFolder, VideoFile
from edge_fer.sources.opening import open_source

ORANGE_RGB = (230, 120, 20)


def fast(source: Path | str, **values: object) -> CameraConfig:
    return CameraConfig.model_validate({"source": str(source), "pace": "fast", **values})


def write_image(path: Path, rgb: tuple[int, int, int] = ORANGE_RGB, size: tuple[int, int] = (48, 64)) -> None:
    bgr = np.full((*size, 3), rgb[::-1], np.uint8)
    assert cv2.imwrite(str(path), bgr)


def write_video(path: Path, frames: int = 12, fps: float = 10) -> Path:
    """A video whose frames get brighter, from dark to light orange."""
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
    """Other files do not count; the times are camera.fps apart."""
    frames = frames_of(open_source(fast(folder, fps=4)))
    assert [int(frame.rgb[0, 0, 0]) // 10 for frame in frames[:2]] == [1, 0]
    assert [frame.seq for frame in frames] == [0, 1, 2]
    assert np.diff([frame.captured_s for frame in frames]) == pytest.approx([0.25, 0.25])


def test_frames_are_rgb(tmp_path: Path) -> None:
    """Red comes first, in a folder and in a video; read-only uint8 (H, W, 3)."""
    images = tmp_path / "images"
    images.mkdir()
    write_image(images / "orange.png")
    (from_folder,) = frames_of(ImageFolder(fast(images)))
    from_video = frames_of(VideoFile(fast(write_video(tmp_path / "clip.avi"))))[-1]
    assert tuple(from_folder.rgb[5, 5]) == ORANGE_RGB
    assert from_video.rgb[5, 5] == pytest.approx(ORANGE_RGB, abs=12)  # JPEG's chroma
    assert from_video.rgb.shape == (48, 64, 3)
    assert not from_video.rgb.flags.writeable


def test_an_unreadable_image_is_skipped_and_logged(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With a gap in seq."""
    (folder / "a.png").write_bytes(b"not an image")
    frames = frames_of(open_source(fast(folder)))
    assert [frame.seq for frame in frames] == [1, 2]
    assert "a.png: not a readable image, skipped" in caplog.text


def test_a_folder_of_unreadable_images_is_an_error(tmp_path: Path) -> None:
    """Not a silent end of the file."""
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


def test_a_realtime_video_plays_at_its_own_pace(video: Path) -> None:
    """Half a second of video takes half a second, and no frame comes before its time."""
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
    """A read that waits for the time of the next frame returns None as soon as the source is closed."""
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


class FakeVideoCapture:
    """Stands in for cv2.VideoCapture: frames with given timestamps, in milliseconds."""

    def __init__(self, timestamps_ms: list[float], fps: float) -> None:
        self.timestamps_ms, self.fps, self.now_ms = timestamps_ms, fps, 0.0

    def read(self) -> tuple[bool, np.ndarray | None]:
        if not self.timestamps_ms:
            return False, None
        self.now_ms = self.timestamps_ms.pop(0)
        return True, np.zeros((2, 2, 3), np.uint8)

    def get(self, prop: int) -> float:
        return self.fps if prop == cv2.CAP_PROP_FPS else self.now_ms

    def release(self) -> None:
        self.timestamps_ms = []


@pytest.mark.parametrize(
    ("timestamps_ms", "fps", "steps_s"),
    [
        ([0, 40, 80], 25, [0.04, 0.04]),
        ([100, 200, 300], 10, [0.1, 0.1]),  # OpenCV's own MJPEG reader starts at one
        ([0, 0, 0], 20, [0.05, 0.05]),  # a container without timestamps
        ([0, 500, 400], 10, [0.5, 0.1]),  # backwards
        ([0, 0, 0], 0, [0.2, 0.2]),  # no rate either: camera.fps
    ],
)
def test_times_always_increase(
    video: Path, monkeypatch: pytest.MonkeyPatch, timestamps_ms: list[float], fps: float, steps_s: list[float]
) -> None:
    """Whatever timestamps a file has, ours start at 0 and always increase."""
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: FakeVideoCapture(list(timestamps_ms), fps))
    frames = frames_of(open_source(fast(video, fps=5)))
    assert np.diff([frame.captured_s for frame in frames]) == pytest.approx(steps_s)


@pytest.mark.parametrize("content", [b"", os.urandom(4096), b"RIFF....AVI LIST"])
def test_an_unreadable_video_is_an_error(tmp_path: Path, content: bytes) -> None:
    """An empty file, noise and a truncated header: the message names the file, the hint says what to do."""
    path = tmp_path / "clip.avi"
    path.write_bytes(content)
    with pytest.raises(CameraError, match=r"clip\.avi: not a readable video") as caught:
        open_source(fast(path))
    assert caught.value.hint


def test_a_folder_without_images_is_an_error(tmp_path: Path) -> None:
    """The hint lists the supported suffixes."""
    with pytest.raises(CameraError, match="the folder contains no images") as caught:
        open_source(fast(tmp_path))
    assert ".png" in caught.value.hint


def test_a_video_without_permission_is_an_error(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the kernel's reason."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CameraError, match="Permission denied"):
        open_source(fast(video))
