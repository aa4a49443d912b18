"""The scene as a video file, made once and made again when the script that makes it changes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_fer.errors import CameraError
from edge_fer.samples import portraits, scene

Progress = Callable[[int, int], None]
"""Called with the number of frames done and of all frames."""


class Writer:
    """A video file that exists whole or not at all; a context manager.

    Args:
        path: Where it is to be; the suffix chooses the container.
        fourcc: Codec: "MJPG" stores each frame by itself, "mp4v" is small.

    Raises:
        CameraError: OpenCV here cannot write such a video, or the folder is not writable.
    """

    def __init__(self, path: Path, *, fourcc: str) -> None:
        self._path = path
        self._part = path.with_suffix(f".part{path.suffix}")
        code = cv2.VideoWriter.fourcc(*fourcc)
        self._video = cv2.VideoWriter(str(self._part), code, scene.FPS, (scene.WIDTH_PX, scene.HEIGHT_PX))
        if not self._video.isOpened():
            raise CameraError(f"{path}: cannot be written as {fourcc} video", "check the folder's permissions")

    def write(self, rgb: NDArray[np.uint8]) -> None:
        """Append one frame, uint8 (HEIGHT_PX, WIDTH_PX, 3), RGB."""
        self._video.write(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._video.release()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)


def ensure(folder: Path, progress: Progress) -> Path:
    """The clip in `folder`, made if it is not there or of an older scene.

    Raises:
        CameraError: It cannot be written.
    """
    path, stamp = folder / "clip.avi", folder / "clip.sha256"
    key = _key()
    if path.is_file() and stamp.is_file() and stamp.read_text().strip() == key:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    with Writer(path, fourcc="MJPG") as video:
        for seq in range(scene.FRAMES):
            video.write(scene.render(seq))
            progress(seq + 1, scene.FRAMES)
    stamp.write_text(key + "\n")
    return path


def _key() -> str:
    """Digest of all that the clip is made from."""
    digest = hashlib.sha256()
    sources = (Path(__file__), Path(scene.__file__), Path(portraits.__file__))
    for path in (*sources, *(portrait.path for portrait in portraits.PORTRAITS)):
        digest.update(path.read_bytes())
    return digest.hexdigest()
