"""The gallery: embeddings of enrolled people, and the file that stores them.

A gallery belongs to one identity model, whose sha256 it holds: embeddings of two models do not compare. It holds
embeddings and names only, no pictures. The file is written completely or not at all, readable for its owner only.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_fer.errors import GalleryError
from edge_fer.tflite.manifest import Manifest

Embedding = NDArray[np.float32]

_FORMAT = 1
_MAX_NAME_LENGTH = 64


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """The enrolled people and their embeddings.

    Attributes:
        model_sha256: Of the identity model that made the embeddings.
        subjects: Name of the person of each embedding.
        embeddings: float32 (n, d), each of length 1.
    """

    model_sha256: str
    subjects: tuple[str, ...] = ()
    embeddings: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))

    def photo_counts(self) -> dict[str, int]:
        """Subject → number of embeddings, sorted by name."""
        return {name: self.subjects.count(name) for name in sorted(set(self.subjects))}

    def enrolled(self, subject: str, embeddings: NDArray[np.float32]) -> Gallery:
        """A new gallery that also holds `embeddings`, float32 (n, d), of `subject`.

        Raises:
            GalleryError: The name cannot be used.
        """
        _check_name(subject)
        rows = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
        if self.subjects:
            rows = np.concatenate((self.embeddings, rows))
        return Gallery(self.model_sha256, self.subjects + (subject,) * len(embeddings), rows.astype(np.float32))

    def without(self, subject: str) -> Gallery:
        """A new gallery without `subject`.

        Raises:
            GalleryError: Nobody of that name is enrolled.
        """
        if subject not in self.subjects:
            raise GalleryError(f"nobody named {subject!r} is enrolled", "see 'edge-fer identities list'")
        kept = [index for index, name in enumerate(self.subjects) if name != subject]
        return Gallery(self.model_sha256, tuple(self.subjects[i] for i in kept), self.embeddings[kept])

    def templates(self) -> tuple[tuple[str, ...], NDArray[np.float32]]:
        """One template per person: sorted names, and the mean of each one's embeddings, float32 (n, d) of length 1."""
        names = tuple(sorted(set(self.subjects)))
        owners = np.array(self.subjects)
        means = [self.embeddings[owners == name].mean(axis=0) for name in names]
        stacked = np.stack(means) if means else np.empty((0, 0), np.float32)
        return names, np.asarray(stacked / np.linalg.norm(stacked, axis=1, keepdims=True), np.float32)


def load(path: Path, model: Manifest) -> Gallery:
    """Read a gallery; a missing file is an empty one.

    Raises:
        GalleryError: The file is damaged, not readable, or belongs to another model.
    """
    if not path.exists():
        return Gallery(model.sha256)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            version, sha256 = int(stored["format"]), str(stored["model_sha256"])
            subjects, embeddings = tuple(map(str, stored["subjects"])), np.asarray(stored["embeddings"], np.float32)
    except PermissionError as error:
        raise GalleryError(f"{path}: permission denied", "run as the user that owns the gallery") from error
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise GalleryError(
            f"{path}: not a gallery file, or damaged", "restore it from a copy, or move it away and enroll again"
        ) from error
    if version != _FORMAT or embeddings.ndim != 2 or len(subjects) != len(embeddings):
        raise GalleryError(f"{path}: unknown gallery format", "move it away and enroll again")
    if sha256 != model.sha256:
        raise GalleryError(
            f"{path}: was made with another identity model than {model.short_id}",
            "set models.identity back, or move the file away and enroll again",
        )
    return Gallery(sha256, subjects, embeddings)


def save(gallery: Gallery, path: Path) -> None:
    """Write a gallery so that a power failure leaves the old file or the new one.

    Raises:
        GalleryError: The folder is missing, read-only, or full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            np.savez(
                file,
                format=np.int64(_FORMAT),
                model_sha256=np.str_(gallery.model_sha256),
                subjects=np.array(gallery.subjects, np.str_),
                embeddings=gallery.embeddings,
            )
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)
    except OSError as error:
        raise GalleryError(
            f"{path}: cannot be written: {error.strerror}", "check the folder's permissions and free space"
        ) from error


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > _MAX_NAME_LENGTH or not name.isprintable():
        raise GalleryError(
            f"{name!r} cannot be used as a name",
            f"use 1 to {_MAX_NAME_LENGTH} printable characters: a name or a pseudonym",
        )
