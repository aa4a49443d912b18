"""Opens the source that ``camera.source`` names."""

from __future__ import annotations

from pathlib import Path

from edge_fer.config.schema import CameraConfig
from edge_fer.errors import CameraError
from edge_fer.sources.base import Source
from edge_fer.sources.files import ImageFolder, VideoFile
from edge_fer.sources.v4l2 import V4l2Camera, cameras_found


def is_device(source: str) -> bool:
    """True for the path of a camera, also of one that is not connected at the moment."""
    path = Path(source)
    return path.is_char_device() or (source.startswith("/dev/") and not path.exists())


def open_source(config: CameraConfig) -> Source:
    """Open what ``camera.source`` names.

    Raises:
        CameraError: It is missing, not readable, or neither a camera nor a video nor a folder of images.
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
            f"{path}: neither a camera nor a video file nor a folder", "set camera.source to one of these"
        )
    raise CameraError(f"{path}: no such file or folder", f"check camera.source; {cameras_found()}")
