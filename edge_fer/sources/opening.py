"""Opens the source that ``camera.source`` names."""

from __future__ import annotations

import stat
from pathlib import Path

from edge_fer.config.schema import CameraConfig
from edge_fer.errors import CameraError
from edge_fer.sources.base import Source
from edge_fer.sources.files import ImageFolder, VideoFile
from edge_fer.sources.v4l2 import V4l2Camera, cameras_found


def is_device(source: str) -> bool:
    """True for the path of a camera, also of one that is not connected at the moment."""
    try:
        return stat.S_ISCHR(Path(source).stat().st_mode)
    except (OSError, ValueError):  # ValueError: a null byte
        return source.startswith("/dev/")


def open_source(config: CameraConfig) -> Source:
    """Open what ``camera.source`` names.

    Raises:
        CameraError: It is missing, not readable, or neither a camera nor a video nor a folder of images.
    """
    path = Path(config.source)
    if is_device(config.source):
        return V4l2Camera(config)
    try:
        mode = path.stat().st_mode
    except PermissionError as error:
        raise CameraError(f"{path}: {error.strerror}", "check the permissions of its folders") from error
    except (OSError, ValueError) as error:
        raise CameraError(f"{path}: no such file or folder", f"check camera.source; {cameras_found()}") from error
    if stat.S_ISDIR(mode):
        return ImageFolder(config)
    if stat.S_ISREG(mode):
        return VideoFile(config)
    raise CameraError(f"{path}: neither a camera nor a video file nor a folder", "set camera.source to one of these")
