"""Notices that somebody was enrolled or removed while the daemon runs."""

from __future__ import annotations

import logging
import math
from pathlib import Path

from edge_fer.errors import GalleryError
from edge_fer.identity import gallery as galleries
from edge_fer.identity.gallery import Gallery
from edge_fer.tflite.manifest import Manifest

LOG = logging.getLogger(__name__)

_CHECK_INTERVAL_S = 2.0
"""Between two looks at the file's state, which take some microseconds."""


class GalleryWatcher:
    """Checks the gallery's file for changes; one thread owns it.

    Args:
        path: The file; it may not exist yet.
        model: Manifest of the identity model that the gallery must belong to.
    """

    def __init__(self, path: Path, model: Manifest) -> None:
        self._path = path
        self._model = model
        self._last_state = _file_state(path)
        self._next_check_s = -math.inf

    def changed(self, now_s: float) -> Gallery | None:
        """The new gallery where the file has changed since the last check, else None.

        A file that cannot be used is logged, and the gallery in use stays.
        """
        if now_s < self._next_check_s:
            return None
        self._next_check_s = now_s + _CHECK_INTERVAL_S
        state = _file_state(self._path)
        if state == self._last_state:
            return None
        self._last_state = state
        try:
            gallery = galleries.load(self._path, self._model)
        except GalleryError as error:
            LOG.warning("the gallery has changed but cannot be used, the old one stays in use: %s", error)
            return None
        LOG.info("the gallery has changed: %d people", len(gallery.photo_counts()))
        return gallery


def _file_state(path: Path) -> tuple[int, int, int] | None:
    """What differs after a write: `galleries.save` puts a new file in place of the old one."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
