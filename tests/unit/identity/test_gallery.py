"""The gallery: stored, listed, removed from, and refused where a file does not fit."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pytest

from edge_fer.errors import GalleryError
from edge_fer.identity import gallery as galleries
from edge_fer.identity.gallery import Gallery
from tests.manifests import identity_manifest

MODEL = identity_manifest()
VECTORS = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)


def two_people() -> Gallery:
    return Gallery(MODEL.sha256).enrolled("Zoë", VECTORS[:2]).enrolled("anna", VECTORS[2:])


def test_a_saved_gallery_loads_unchanged(tmp_path: Path) -> None:
    """Names with accents, order and embeddings."""
    path = tmp_path / "state" / "gallery.npz"
    galleries.save(two_people(), path)
    loaded = galleries.load(path, MODEL)
    assert loaded.subjects == ("Zoë", "Zoë", "anna")
    np.testing.assert_array_equal(loaded.embeddings, two_people().embeddings)
    assert loaded.photo_counts() == {"Zoë": 2, "anna": 1}


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    """Embeddings are biometric data: mode 0600, and no temporary file is left."""
    path = tmp_path / "gallery.npz"
    galleries.save(two_people(), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["gallery.npz"]


def test_embeddings_and_templates_have_length_one() -> None:
    """So that a cosine is a dot product."""
    names, templates = two_people().templates()
    assert names == ("Zoë", "anna")
    np.testing.assert_allclose(np.linalg.norm(templates, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(two_people().embeddings, axis=1), 1, rtol=1e-6)


def test_nothing_of_a_removed_person_remains(tmp_path: Path) -> None:
    """Neither name nor embeddings are in the file."""
    path = tmp_path / "gallery.npz"
    galleries.save(two_people(), path)
    galleries.save(two_people().without("anna"), path)
    stored = path.read_bytes()
    assert "anna".encode("utf-32-le") not in stored
    assert (VECTORS[2] / np.linalg.norm(VECTORS[2])).astype(np.float32).tobytes() not in stored
    assert galleries.load(path, MODEL).photo_counts() == {"Zoë": 2}


def test_the_last_person_can_be_removed(tmp_path: Path) -> None:
    """An empty gallery saves, loads, and accepts people again."""
    path = tmp_path / "gallery.npz"
    galleries.save(two_people().without("anna").without("Zoë"), path)
    empty = galleries.load(path, MODEL)
    assert empty.photo_counts() == {}
    assert empty.templates()[0] == ()
    assert empty.enrolled("new", VECTORS[:1]).photo_counts() == {"new": 1}


def test_a_missing_file_is_an_empty_gallery(tmp_path: Path) -> None:
    """A fresh device starts."""
    assert galleries.load(tmp_path / "none.npz", MODEL).subjects == ()


@pytest.mark.parametrize("content", [b"", b"not a gallery", b"PK\x03\x04 half a zip"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """The message names it, and it is not overwritten."""
    path = tmp_path / "gallery.npz"
    path.write_bytes(content)
    with pytest.raises(GalleryError, match=r"gallery\.npz: not a gallery file, or damaged"):
        galleries.load(path, MODEL)
    assert path.read_bytes() == content


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    """An incomplete copy does not load as fewer people."""
    path = tmp_path / "gallery.npz"
    galleries.save(two_people(), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(GalleryError):
        galleries.load(path, MODEL)


def test_pickled_objects_are_not_loaded(tmp_path: Path) -> None:
    """A gallery from elsewhere runs no code."""
    path = tmp_path / "gallery.npz"
    np.savez(path, format=np.int64(1), model_sha256="0" * 64, subjects=np.array([object()]), embeddings=VECTORS)
    with pytest.raises(GalleryError):
        galleries.load(path, MODEL)


def test_another_models_gallery_is_refused(tmp_path: Path) -> None:
    """Embeddings of two models do not compare."""
    path = tmp_path / "gallery.npz"
    galleries.save(two_people(), path)
    other = MODEL.model_copy(update={"sha256": "1" * 64})
    with pytest.raises(GalleryError, match="another identity model"):
        galleries.load(path, other)


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    """Here, a file is where the folder should be."""
    (tmp_path / "state").write_text("")
    with pytest.raises(GalleryError, match="cannot be written"):
        galleries.save(two_people(), tmp_path / "state" / "gallery.npz")


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "two\nlines"])
def test_unusable_names_are_refused(name: str) -> None:
    """A name must print on one line."""
    with pytest.raises(GalleryError, match="cannot be used as a name"):
        Gallery(MODEL.sha256).enrolled(name, VECTORS)


def test_removing_an_unknown_name_is_an_error() -> None:
    """A typing error does not look like a successful removal."""
    with pytest.raises(GalleryError, match="nobody named 'ana'"):
        two_people().without("ana")
