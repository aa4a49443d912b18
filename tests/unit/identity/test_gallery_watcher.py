"""Noticing changes of the gallery while the daemon runs."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from edge_fer.identity import gallery as galleries
from edge_fer.identity.gallery import Gallery
from edge_fer.identity.gallery_watcher import GalleryWatcher
from tests.manifests import identity_manifest

MODEL = identity_manifest()
ADA = Gallery(MODEL.sha256).enrolled("Ada", np.ones((1, 8), np.float32))


def test_nothing_changes_by_itself(tmp_path: Path) -> None:
    """No file, or the one that the daemon started with: no change."""
    path = tmp_path / "gallery.npz"
    assert GalleryWatcher(path, MODEL).changed(0) is None
    galleries.save(ADA, path)
    assert GalleryWatcher(path, MODEL).changed(0) is None


def test_an_enrollment_is_reported_once(tmp_path: Path) -> None:
    """Also where there was no file before."""
    path = tmp_path / "gallery.npz"
    watcher = GalleryWatcher(path, MODEL)
    galleries.save(ADA, path)
    gallery = watcher.changed(0)
    assert gallery is not None
    assert gallery.photo_counts() == {"Ada": 1}
    assert watcher.changed(10) is None


def test_a_removal_is_reported(tmp_path: Path) -> None:
    """And so is a deleted file: nobody is enrolled any more."""
    path = tmp_path / "gallery.npz"
    galleries.save(ADA, path)
    watcher = GalleryWatcher(path, MODEL)
    galleries.save(ADA.without("Ada"), path)
    gallery = watcher.changed(0)
    assert gallery is not None
    assert gallery.subjects == ()
    path.unlink()
    gone = watcher.changed(10)
    assert gone is not None
    assert gone.subjects == ()


def test_the_file_is_not_checked_in_every_frame(tmp_path: Path) -> None:
    """A change is seen at the next check, two seconds later at most."""
    path = tmp_path / "gallery.npz"
    watcher = GalleryWatcher(path, MODEL)
    assert watcher.changed(0) is None
    galleries.save(ADA, path)
    assert watcher.changed(1.9) is None
    assert watcher.changed(2.1) is not None


def test_a_damaged_file_keeps_the_old_gallery(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One warning; a good file after it is reported again."""
    path = tmp_path / "gallery.npz"
    galleries.save(ADA, path)
    watcher = GalleryWatcher(path, MODEL)
    path.write_bytes(b"damaged")
    with caplog.at_level(logging.WARNING):
        assert watcher.changed(0) is None
        assert watcher.changed(10) is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "the old one stays in use" in caplog.text
    galleries.save(ADA, path)
    assert watcher.changed(20) is not None
