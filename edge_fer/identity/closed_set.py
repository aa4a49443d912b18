"""A closed-set head: embedding → one of the people it was trained on, as a user's face_classifier.h5 gives it.

It has no notion of a stranger, so it only comes second to the gallery (`identity.Matcher`), with a high threshold.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_fer.errors import ModelError
from edge_fer.tflite.manifest import Manifest
from edge_fer.tflite.model import Model


class ClosedSetClassifier:
    """Turns embeddings into probabilities of its people; one thread owns it.

    Args:
        model: The head.
        embedder: Manifest of the identity model whose embeddings it will get.

    Raises:
        ModelError: It is no such head, or was made for other embeddings.
    """

    def __init__(self, model: Model, embedder: Manifest) -> None:
        manifest = model.manifest
        if manifest.task != "face-classifier" or manifest.output.kind not in {"logits", "probabilities"}:
            raise ModelError(f"{manifest.file}: is no face classifier", "convert one with edge-fer-convert")
        if manifest.embedder != embedder.name:
            raise ModelError(
                f"{manifest.file}: was made for embeddings of {manifest.embedder}, not of {embedder.name}",
                "set models.identity or identity.head to files that belong together",
            )
        self.model = model
        self.names = manifest.output.labels

    def classify(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 (names,), summing to 1, of an embedding, float32 (d,) of length 1.

        Raises:
            ModelError: The model's outputs and names differ in number.
        """
        output = self.model.manifest.output
        raw = self.model(embedding.reshape(1, 1, 1, -1))[0].reshape(-1)
        if len(raw) != len(self.names):
            raise ModelError(
                f"{self.model.manifest.file}: gives {len(raw)} numbers for {len(self.names)} names",
                "convert it again with the right list of names",
            )
        if output.kind == "logits":
            raw = np.exp((raw - raw.max()) / output.temperature)
        return np.asarray(raw / max(float(raw.sum()), 1e-9), np.float32)
