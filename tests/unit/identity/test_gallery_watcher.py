"""Enrolling and erasing while the daemon runs."""

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
    """No file, or the one that the daemon started with: no news."""
    path = tmp_path / "gallery.npz"
    assert GalleryWatcher(path, MODEL).changed(0) is None
    galleries.save(ADA, path)
    assert GalleryWatcher(path, MODEL).changed(0) is None


def test_somebody_enrolled_is_news_once(tmp_path: Path) -> None:
    """Also where there was no file before."""
    path = tmp_path / "gallery.npz"
    watch = GalleryWatcher(path, MODEL)
    galleries.save(ADA, path)
    news = watch.changed(0)
    assert news is not None
    assert news.photo_counts() == {"Ada": 1}
    assert watch.changed(10) is None


def test_somebody_erased_is_news(tmp_path: Path) -> None:
    """And so is a file that is gone altogether: nobody is known any more."""
    path = tmp_path / "gallery.npz"
    galleries.save(ADA, path)
    watch = GalleryWatcher(path, MODEL)
    galleries.save(ADA.without("Ada"), path)
    news = watch.changed(0)
    assert news is not None
    assert news.subjects == ()
    path.unlink()
    gone = watch.changed(10)
    assert gone is not None
    assert gone.subjects == ()


def test_the_file_is_not_looked_at_in_every_frame(tmp_path: Path) -> None:
    """News waits for the next look, two seconds later at most."""
    path = tmp_path / "gallery.npz"
    watch = GalleryWatcher(path, MODEL)
    assert watch.changed(0) is None
    galleries.save(ADA, path)
    assert watch.changed(1.9) is None
    assert watch.changed(2.1) is not None


def test_a_damaged_file_keeps_the_people_known_before(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One warning, no news, and a good file after it is news again."""
    path = tmp_path / "gallery.npz"
    galleries.save(ADA, path)
    watch = GalleryWatcher(path, MODEL)
    path.write_bytes(b"damaged")
    with caplog.at_level(logging.WARNING):
        assert watch.changed(0) is None
        assert watch.changed(10) is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "the old one stays" in caplog.text
    galleries.save(ADA, path)
    assert watch.changed(20) is not None
