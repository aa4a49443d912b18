"""Sees that somebody was enrolled or erased while the daemon runs."""

from __future__ import annotations

import logging
import math
from pathlib import Path

from edge_fer.errors import GalleryError
from edge_fer.identity import gallery as galleries
from edge_fer.identity.gallery import Gallery
from edge_fer.tflite.manifest import Manifest

LOG = logging.getLogger(__name__)

_LOOK_S = 2.0
"""Between two views at the file's state, which cost some microseconds."""


class GalleryWatcher:
    """Looks at the gallery's file now and then; one thread owns it.

    Args:
        path: The file; it may not exist yet.
        model: The identity model that it must belong to.
    """

    def __init__(self, path: Path, model: Manifest) -> None:
        self._path = path
        self._model = model
        self._known = _state(path)
        self._next_look_s = -math.inf

    def changed(self, now_s: float) -> Gallery | None:
        """The new gallery where the file has changed since the last look, else None.

        A file that cannot be used is told in the log; the people known before stay known.
        """
        if now_s < self._next_look_s:
            return None
        self._next_look_s = now_s + _LOOK_S
        state = _state(self._path)
        if state == self._known:
            return None
        self._known = state
        try:
            gallery = galleries.load(self._path, self._model)
        except GalleryError as error:
            LOG.warning("the gallery has changed but cannot be used, the old one stays: %s", error)
            return None
        LOG.info("the gallery has changed: %d people", len(gallery.photo_counts()))
        return gallery


def _state(path: Path) -> tuple[int, int, int] | None:
    """What differs after a write: `galleries.save` puts a new file in place of the old one."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
