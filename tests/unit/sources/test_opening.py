"""Which source a path names, and errors about a path that names none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge_fer.config.schema import CameraConfig
from edge_fer.errors import CameraError
from edge_fer.sources import v4l2
from edge_fer.sources.opening import is_device, open_source


def test_a_missing_file_is_an_error_that_lists_cameras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By their by-id paths, without metadata nodes."""
    for name in ("usb-Logi_C270-video-index0", "usb-Logi_C270-video-index1"):
        (tmp_path / name).touch()
    monkeypatch.setattr(v4l2, "BY_ID", tmp_path)
    with pytest.raises(CameraError, match="no such file or folder") as caught:
        open_source(CameraConfig(source="/nowhere/clip.avi"))
    assert "usb-Logi_C270-video-index0" in caught.value.hint
    assert "index1" not in caught.value.hint


def test_neither_file_nor_folder_is_an_error(tmp_path: Path) -> None:
    """Here, a pipe."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(CameraError, match="neither a camera nor"):
        open_source(CameraConfig(source=str(pipe)))


@pytest.mark.parametrize(
    ("path", "device"),
    [("/dev/null", True), ("/dev/video99", True), ("/dev/v4l/by-id/usb-gone-video-index0", True), ("clip.avi", False)],
)
def test_devices_and_files_are_told_apart(path: str, device: bool) -> None:
    """The path of a camera remains one while the camera is disconnected."""
    assert is_device(path) is device


def test_a_folder_without_permission_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the kernel's reason; a file in it is not taken for a camera."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    assert not is_device("locked/clip.avi")
    with pytest.raises(CameraError, match=r"locked/clip\.avi: Permission denied") as caught:
        open_source(CameraConfig(source="locked/clip.avi"))
    assert "permissions" in caught.value.hint


def test_a_path_with_a_null_byte_is_an_error() -> None:
    """As a missing file, not as a fault of ours."""
    with pytest.raises(CameraError, match="no such file or folder"):
        open_source(CameraConfig(source="clip\0.avi"))
