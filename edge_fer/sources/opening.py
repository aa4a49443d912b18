"""Which source ``camera.source`` names."""

from __future__ import annotations

from pathlib import Path

from edge_fer.config.schema import CameraConfig
from edge_fer.errors import CameraError
from edge_fer.sources.base import Source
from edge_fer.sources.files import ImageFolder, VideoFile
from edge_fer.sources.v4l2 import V4l2Camera, cameras_found


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
