"""The identity stage of the pipeline: the embedding model, the gallery, and the decision about a track."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_fer.config.schema import IdentityConfig
from edge_fer.domain.faces import Identity
from edge_fer.domain.geometry import Landmarks
from edge_fer.identity.closed_set import ClosedSetClassifier
from edge_fer.identity.embedder import Embedder
from edge_fer.identity.gallery import Gallery
from edge_fer.identity.matcher import IdentityEvidence, Matcher
from edge_fer.tflite.manifest import Manifest
from edge_fer.tflite.model import Model


class IdentityStage:
    """Embeds crops and decides who a track is; one thread owns it.

    It keeps no state of a track: each method takes the track's `IdentityEvidence`. Until `use_gallery`, nobody is
    enrolled.

    Args:
        embedder: The identity model.
        config: Votes, attempts, thresholds set by the user.
        head: A closed-set classifier of the same embeddings, or None.
    """

    def __init__(self, embedder: Embedder, config: IdentityConfig, head: ClosedSetClassifier | None = None) -> None:
        self._embedder = embedder
        self._config = config
        self._head = head
        self.use_gallery(Gallery(self.manifest.sha256))

    @property
    def manifest(self) -> Manifest:
        """Of the identity model, to which a gallery must belong."""
        return self._embedder.model.manifest

    @property
    def models(self) -> tuple[Model, ...]:
        """The models that it runs."""
        return (self._embedder.model, self._head.model) if self._head else (self._embedder.model,)

    def use_gallery(self, gallery: Gallery) -> None:
        """Compare with this gallery from now on. Evidence from before does not count: each track needs new evidence."""
        self._matcher = Matcher(gallery, self.manifest, self._config, self._head)

    def urgency(self, evidence: IdentityEvidence, now_s: float, *, sharpness: float) -> float:
        """How urgent one more embedding of this track is, sharper crops first; 0 for not needed."""
        urgency = self._matcher.urgency(evidence, now_s)
        return urgency + sharpness if urgency else 0.0

    def run(
        self, evidence: IdentityEvidence, rgb: NDArray[np.uint8], landmarks: Landmarks, now_s: float
    ) -> IdentityEvidence:
        """Embed a face of the frame `rgb`, uint8 (H, W, 3); the evidence with the result.

        Raises:
            ModelError: The closed-set head's numbers of outputs and names differ.
            InferenceError: A model failed.
        """
        return self._matcher.add(evidence, self._embedder.embed(rgb, landmarks), now_s)

    def conclude(self, evidence: IdentityEvidence, rejection_reason: str | None) -> Identity:
        """The identity to report; `rejection_reason` says why this frame's crop was not good enough, if so."""
        return self._matcher.decide(evidence, rejection_reason)
