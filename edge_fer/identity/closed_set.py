"""A closed-set head: embedding → one of the people it was trained on, as a user's face_classifier.h5 gives it.

It cannot answer "unknown", so it is asked only after the gallery (`identity.matcher`), and with a high threshold.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_fer.errors import ModelError
from edge_fer.tflite.manifest import Manifest
from edge_fer.tflite.model import Model
from edge_fer.tflite.outputs import label_values, probabilities


class ClosedSetClassifier:
    """Turns embeddings into probabilities of the people it was trained on; one thread owns it.

    Args:
        model: The head.
        embedder: Manifest of the identity model whose embeddings it will get.

    Attributes:
        model: The head.
        names: Of its people, in the order of the probabilities.

    Raises:
        ModelError: The model is not a face classifier, or was made for the embeddings of another model.
    """

    def __init__(self, model: Model, embedder: Manifest) -> None:
        manifest = model.manifest
        if manifest.task != "face-classifier" or manifest.output.kind not in {"logits", "probabilities"}:
            raise ModelError(f"{manifest.file}: not a face classifier", "convert one with edge-fer-convert")
        if manifest.embedder != embedder.name:
            raise ModelError(
                f"{manifest.file}: was made for embeddings of {manifest.embedder}, not of {embedder.name}",
                "set models.identity and identity.head to files that belong together",
            )
        self.model = model
        self.names = manifest.output.labels

    def classify(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 (names,), summing to 1, of an embedding, float32 (d,) of length 1.

        Raises:
            ModelError: The number of outputs differs from the number of names.
            InferenceError: The model failed.
        """
        return probabilities(label_values(self.model, embedding.reshape(1, 1, 1, -1)), self.model.manifest.output)
