"""Aligned face → embedding → known, unknown, pending or abstain, decided per track and not per frame."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from edge_fer.align import align, model_input
from edge_fer.config import IdentityConfig
from edge_fer.errors import ModelError
from edge_fer.face_classifier import FaceClassifier
from edge_fer.gallery import Embedding, Gallery
from edge_fer.manifest import Crop, Manifest
from edge_fer.runtime import Model
from edge_fer.types import Identity, IdentityState, Landmarks

THRESHOLD_SINGLE, THRESHOLD_MEAN = "fmr_1e-3_single", "fmr_1e-3_mean"
"""Names in the manifest: cosine for one false match in a thousand, against one photo and against a mean of several."""


class Embedder:
    """Turns faces into embeddings; one thread owns it.

    Raises:
        ModelError: The model gives no embedding, or its manifest lacks the crop or the thresholds.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._crop = _checked_crop(model.manifest)

    def embed(self, rgb: NDArray[np.uint8], landmarks: Landmarks) -> Embedding:
        """float32 (d,) of length 1, of the face with these landmarks in uint8 (H, W, 3)."""
        crop = align(rgb, landmarks, self._crop)
        vector = self.model(model_input(crop, self.model.manifest.input))[0].reshape(-1)
        return np.asarray(vector / np.linalg.norm(vector), np.float32)


@dataclass(frozen=True, slots=True)
class Ballot:
    """What is known of one track's identity.

    Attributes:
        similarities: Sum over the votes of the cosines to each template, float32 (subjects,).
        shares: Sum over the votes of the closed-set head's probabilities, float32 (its names,).
        votes: Number of embeddings taken.
        last_s: Time of the last one.
        gallery_version: Of the matcher; votes against another gallery do not count.
    """

    similarities: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    shares: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    votes: int = 0
    last_s: float = -np.inf
    gallery_version: int = 0


class Matcher:
    """Compares embeddings with a gallery's templates and says who a track is.

    The cosines of several embeddings are averaged: the mean is on the scale of the measured threshold, with less noise.
    Whom the gallery does not know, a closed-set head may still name, where there is one and it is sure.

    Args:
        gallery: Who is enrolled.
        manifest: Of the identity model; holds the measured thresholds.
        config: Votes, attempts, overrides.
        head: A closed-set classifier of the same embeddings, or None.
    """

    NEW, DOUBTFUL = 4.0, 1.5
    """Urgencies, against an emotion's age in units of its target: a first name goes before an emotion up to four times
    too old, another try at somebody unknown only before one that has just become due."""

    def __init__(
        self, gallery: Gallery, manifest: Manifest, config: IdentityConfig, head: FaceClassifier | None = None
    ) -> None:
        self.head = head
        self._config = config
        self._manifest = manifest
        self._version = 0
        self.use(gallery)

    def use(self, gallery: Gallery) -> None:
        """Take another gallery; every track is asked again."""
        self._version += 1
        self._names, self._templates = gallery.templates()
        counts = gallery.photo_counts()
        thresholds = self._manifest.thresholds
        self._thresholds = np.array(
            [
                self._config.threshold
                if self._config.threshold is not None
                else thresholds[THRESHOLD_SINGLE if counts[name] == 1 else THRESHOLD_MEAN]
                for name in self._names
            ],
            np.float32,
        )

    def current(self, ballot: Ballot) -> Ballot:
        """The ballot itself, or an empty one where it was cast against another gallery."""
        return ballot if ballot.gallery_version == self._version else Ballot(gallery_version=self._version)

    def urgency(self, ballot: Ballot, now_s: float) -> float:
        """How much one more embedding of this track is worth: NEW, DOUBTFUL, or 0 for nothing."""
        spent = not (self._names or self.head) or ballot.votes >= self._config.max_attempts
        if spent or now_s - ballot.last_s < self._config.interval_s:
            return 0.0
        state = self.decide(ballot).state
        if state is IdentityState.PENDING:
            return self.NEW
        return 0.0 if state is IdentityState.KNOWN else self.DOUBTFUL

    def cast(self, ballot: Ballot, embedding: Embedding, now_s: float) -> Ballot:
        """The ballot with one more embedding, float32 (d,) of length 1."""
        similarities = self._templates @ embedding if self._names else ballot.similarities
        shares = self.head.classify(embedding) if self.head else ballot.shares
        if ballot.votes:
            similarities, shares = similarities + ballot.similarities, shares + ballot.shares
        return replace(ballot, similarities=similarities, shares=shares, votes=ballot.votes + 1, last_s=now_s)

    def decide(self, ballot: Ballot, shortcoming: str | None = None) -> Identity:
        """Who it is, as far as is known; `shortcoming` says why this frame's crop was not used, if it was not."""
        if not (self._names or self.head):
            return Identity(IdentityState.UNKNOWN)
        if not ballot.votes:
            return Identity(IdentityState.ABSTAIN if shortcoming else IdentityState.PENDING)
        nearest = self._nearest(ballot)
        if ballot.votes < self._config.min_votes:
            return replace(nearest, state=IdentityState.PENDING, subject=None)
        if nearest.state is IdentityState.UNKNOWN and self.head:
            shares = ballot.shares / ballot.votes
            best = int(shares.argmax())
            if shares[best] >= self._config.head_confidence:
                return replace(nearest, state=IdentityState.KNOWN, subject=self.head.names[best])
        return nearest

    def _nearest(self, ballot: Ballot) -> Identity:
        """The gallery's answer."""
        if not self._names:
            return Identity(IdentityState.UNKNOWN, votes=ballot.votes)
        means = ballot.similarities / ballot.votes
        order = np.argsort(-means, kind="stable")
        best = int(order[0])
        similarity = float(means[best])
        margin = similarity - float(means[order[1]]) if len(order) > 1 else None
        clear = margin is None or margin >= self._config.min_margin
        known = similarity >= self._thresholds[best] and clear
        state = IdentityState.KNOWN if known else IdentityState.UNKNOWN
        return Identity(state, self._names[best] if known else None, similarity, margin, ballot.votes)


def _checked_crop(manifest: Manifest) -> Crop:
    if manifest.task != "identity" or manifest.output.kind != "embedding" or manifest.crop is None:
        raise ModelError(f"{manifest.file}: is no identity model", "set models.identity to one")
    missing = {THRESHOLD_SINGLE, THRESHOLD_MEAN} - set(manifest.thresholds)
    if missing:
        raise ModelError(
            f"{manifest.file}: its manifest lacks the thresholds {', '.join(sorted(missing))}",
            "convert the model again, with labelled pairs to measure them on",
        )
    return manifest.crop
