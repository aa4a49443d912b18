"""Embeddings of a track → known, unknown, pending or abstain, decided per track and not per frame."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from edge_fer.config.schema import IdentityConfig
from edge_fer.domain.faces import Identity, IdentityState
from edge_fer.identity.closed_set import ClosedSetClassifier
from edge_fer.identity.embedder import THRESHOLD_MEAN, THRESHOLD_SINGLE
from edge_fer.identity.gallery import Embedding, Gallery
from edge_fer.tflite.manifest import Manifest


@dataclass(frozen=True, slots=True)
class IdentityEvidence:
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
        self, gallery: Gallery, manifest: Manifest, config: IdentityConfig, head: ClosedSetClassifier | None = None
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

    def reset_if_gallery_changed(self, evidence: IdentityEvidence) -> IdentityEvidence:
        """The evidence itself, or an empty one where it was gathered against another gallery."""
        if evidence.gallery_version == self._version:
            return evidence
        return IdentityEvidence(gallery_version=self._version)

    def urgency(self, evidence: IdentityEvidence, now_s: float) -> float:
        """How much one more embedding of this track is worth: NEW, DOUBTFUL, or 0 for nothing."""
        spent = not (self._names or self.head) or evidence.votes >= self._config.max_attempts
        if spent or now_s - evidence.last_s < self._config.interval_s:
            return 0.0
        state = self.decide(evidence).state
        if state is IdentityState.PENDING:
            return self.NEW
        return 0.0 if state is IdentityState.KNOWN else self.DOUBTFUL

    def add(self, evidence: IdentityEvidence, embedding: Embedding, now_s: float) -> IdentityEvidence:
        """The evidence with one more embedding, float32 (d,) of length 1."""
        similarities = self._templates @ embedding if self._names else evidence.similarities
        shares = self.head.classify(embedding) if self.head else evidence.shares
        if evidence.votes:
            similarities, shares = similarities + evidence.similarities, shares + evidence.shares
        return replace(evidence, similarities=similarities, shares=shares, votes=evidence.votes + 1, last_s=now_s)

    def decide(self, evidence: IdentityEvidence, rejection_reason: str | None = None) -> Identity:
        """Who it is, as far as is known; `rejection_reason` says why this frame's crop was not used, if it was not."""
        if not (self._names or self.head):
            return Identity(IdentityState.UNKNOWN)
        if not evidence.votes:
            return Identity(IdentityState.ABSTAIN if rejection_reason else IdentityState.PENDING)
        nearest = self._nearest(evidence)
        if evidence.votes < self._config.min_votes:
            return replace(nearest, state=IdentityState.PENDING, subject=None)
        if nearest.state is IdentityState.UNKNOWN and self.head:
            shares = evidence.shares / evidence.votes
            best = int(shares.argmax())
            if shares[best] >= self._config.head_confidence:
                return replace(nearest, state=IdentityState.KNOWN, subject=self.head.names[best])
        return nearest

    def _nearest(self, evidence: IdentityEvidence) -> Identity:
        """The gallery's answer."""
        if not self._names:
            return Identity(IdentityState.UNKNOWN, votes=evidence.votes)
        means = evidence.similarities / evidence.votes
        order = np.argsort(-means, kind="stable")
        best = int(order[0])
        similarity = float(means[best])
        margin = similarity - float(means[order[1]]) if len(order) > 1 else None
        clear = margin is None or margin >= self._config.min_margin
        known = similarity >= self._thresholds[best] and clear
        state = IdentityState.KNOWN if known else IdentityState.UNKNOWN
        return Identity(state, self._names[best] if known else None, similarity, margin, evidence.votes)
