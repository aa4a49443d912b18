"""Embeddings of a track → known, unknown, pending or abstain; decided per track, not per frame."""

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
    """The embeddings of one track so far, compared with the templates of one gallery.

    It holds for the matcher that made it: another gallery needs new evidence.

    Attributes:
        similarities: Sum over the votes of the cosines to each template, float32 (subjects,).
        probabilities: Sum over the votes of the closed-set head's probabilities, float32 (names,).
        votes: Number of embeddings.
        last_s: Time of the last one.
    """

    similarities: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    probabilities: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    votes: int = 0
    last_s: float = -np.inf


class Matcher:
    """Compares embeddings with the templates of one gallery and decides who a track is.

    The cosines of several embeddings are averaged: the mean is on the scale of the measured threshold, with less noise.
    Where the gallery's answer is "unknown", the closed-set head may name the track if it is sure enough.

    Args:
        gallery: Who is enrolled.
        manifest: Of the identity model; holds the measured thresholds.
        config: Votes, attempts, thresholds set by the user.
        head: A closed-set classifier of the same embeddings, or None.
    """

    NEW, DOUBTFUL = 4.0, 1.5
    """Urgencies, comparable with an emotion's age in units of its target: a first name goes before an emotion up to
    four times too old; another attempt at an unknown face only before one that has just become due."""

    def __init__(
        self, gallery: Gallery, manifest: Manifest, config: IdentityConfig, head: ClosedSetClassifier | None = None
    ) -> None:
        self._config = config
        self._head = head
        self._names, self._templates = gallery.templates()
        counts = gallery.photo_counts()
        self._thresholds = np.array([self._threshold(manifest, counts[name]) for name in self._names], np.float32)

    def urgency(self, evidence: IdentityEvidence, now_s: float) -> float:
        """How urgent one more embedding of this track is: NEW, DOUBTFUL, or 0 for not needed."""
        spent = not (self._names or self._head) or evidence.votes >= self._config.max_attempts
        if spent or now_s - evidence.last_s < self._config.interval_s:
            return 0.0
        state = self.decide(evidence).state
        if state is IdentityState.PENDING:
            return self.NEW
        return 0.0 if state is IdentityState.KNOWN else self.DOUBTFUL

    def add(self, evidence: IdentityEvidence, embedding: Embedding, now_s: float) -> IdentityEvidence:
        """The evidence with one more embedding, float32 (d,) of length 1."""
        similarities = self._templates @ embedding if self._names else evidence.similarities
        probabilities = self._head.classify(embedding) if self._head else evidence.probabilities
        if evidence.votes:
            similarities = similarities + evidence.similarities
            probabilities = probabilities + evidence.probabilities
        return IdentityEvidence(similarities, probabilities, evidence.votes + 1, now_s)

    def decide(self, evidence: IdentityEvidence, rejection_reason: str | None = None) -> Identity:
        """Who the track is, by the evidence so far.

        Args:
            evidence: Of the track, made by this matcher.
            rejection_reason: Why this frame's crop was not good enough; None where it was.
        """
        if not (self._names or self._head):
            return Identity(IdentityState.UNKNOWN)
        if not evidence.votes:
            return Identity(IdentityState.ABSTAIN if rejection_reason else IdentityState.PENDING)
        nearest = self._nearest(evidence)
        if evidence.votes < self._config.min_votes:
            return replace(nearest, state=IdentityState.PENDING, subject=None)
        if nearest.state is IdentityState.UNKNOWN and self._head:
            means = evidence.probabilities / evidence.votes
            best = int(means.argmax())
            if means[best] >= self._config.head_confidence:
                return replace(nearest, state=IdentityState.KNOWN, subject=self._head.names[best])
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

    def _threshold(self, manifest: Manifest, photo_count: int) -> float:
        """The cosine that a subject enrolled from this many photos needs."""
        if self._config.threshold is not None:
            return self._config.threshold
        return manifest.thresholds[THRESHOLD_SINGLE if photo_count == 1 else THRESHOLD_MEAN]
