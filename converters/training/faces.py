"""FER2013 as arrays: images, soft targets and a split whose parts share no picture.

FER2013 holds many pictures twice, also across its official splits. A picture of train that is byte for byte in valid
is left out of training, and all copies of a picture fall into the same part of our split.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from converters.training.labels import BASIC, VOTE_COLUMNS
from edge_fer.errors import SourceError

MIN_LABEL_MATCH = 0.85
"""Below this the join of label7 to the picture is not sure (data README)."""

DEV_SHARE = 0.07
"""Part of train that is never trained on: choice of epoch, blend of heads, temperature. About 2,000 pictures."""

SPLIT_SEED = 20261121
"""Of who is held out. No run changes it: a network of one run may teach in another, and must not have seen those by
whom that one is judged."""


@dataclass(frozen=True)
class Faces:
    """Pictures with what people said about them.

    Attributes:
        images: uint8 (n, 48, 48), gray.
        label7: int64 (n,), index into BASIC.
        votes: float32 (n, 7), FER+ votes for BASIC as shares of one; zeros where all votes went elsewhere.
        majority: int64 (n,), index into BASIC of the FER+ majority, or −1 (contempt, unknown, not a face).
    """

    images: NDArray[np.uint8]
    label7: NDArray[np.int64]
    votes: NDArray[np.float32]
    majority: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)

    def rows(self, which: NDArray[np.bool_]) -> Faces:
        """The rows where `which` (bool (n,)) is true."""
        return Faces(self.images[which], self.label7[which], self.votes[which], self.majority[which])


def load(path: Path) -> Faces:
    """Read fer2013/train.npz or valid.npz, rows with label_match ≥ MIN_LABEL_MATCH.

    Raises:
        SourceError: The file is missing, cut off, or lacks an array.
    """
    try:
        with path.open("rb") as file, np.load(file) as stored:
            keep = stored["label_match"] >= MIN_LABEL_MATCH
            images, label7, all_votes = (stored[name][keep] for name in ("images", "label7", "votes"))
    except (OSError, EOFError, KeyError, ValueError, BadZipFile) as error:
        raise SourceError(f"{path}: {error}", "give --data the folder that holds fer2013/train.npz") from error
    votes = all_votes[:, VOTE_COLUMNS].astype(np.float32)
    best = all_votes.argmax(axis=1)
    majority = np.full(len(images), -1, np.int64)
    for place, column in enumerate(VOTE_COLUMNS):
        majority[best == column] = place
    shares = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    return Faces(images, label7.astype(np.int64), shares.astype(np.float32), majority)


def split(train: Faces, valid: Faces) -> tuple[Faces, Faces]:
    """Train without valid's pictures, in two parts that share none: (fit, dev). The same in every run."""
    digests = [_digest(image) for image in train.images]
    foreign = {_digest(image) for image in valid.images}
    draw = np.random.default_rng(SPLIT_SEED)
    fate = {digest: draw.random() < DEV_SHARE for digest in sorted(set(digests))}
    clean = np.array([digest not in foreign for digest in digests])
    dev = np.array([fate[digest] for digest in digests])
    return train.rows(clean & ~dev), train.rows(clean & dev)


def fer_targets(faces: Faces, label_share: float) -> NDArray[np.float32]:
    """Soft targets: `label_share` on label7, the rest on the FER+ votes (on label7 where nobody voted for ours).

    Returns:
        float32 (n, 7), rows sum to one.
    """
    hard = np.eye(len(BASIC), dtype=np.float32)[faces.label7]
    soft = np.where(faces.votes.sum(axis=1, keepdims=True) > 0, faces.votes, hard)
    return (label_share * hard + (1 - label_share) * soft).astype(np.float32)


def _digest(image: NDArray[np.uint8]) -> bytes:
    return hashlib.sha256(image.tobytes()).digest()
