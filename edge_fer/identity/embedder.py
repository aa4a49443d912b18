"""Aligned face → embedding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_fer.domain.geometry import Landmarks
from edge_fer.errors import ModelError
from edge_fer.identity.gallery import Embedding
from edge_fer.tflite.manifest import Crop, Manifest
from edge_fer.tflite.model import Model
from edge_fer.vision.alignment import align, model_input

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


def _checked_crop(manifest: Manifest) -> Crop:
    if manifest.task != "identity" or manifest.output.kind != "embedding" or manifest.crop is None:
        raise ModelError(f"{manifest.file}: is no identity model", "set models.identity to one")
    missing = {THRESHOLD_SINGLE, THRESHOLD_MEAN} - set(manifest.thresholds)
    if missing:
        raise ModelError(
            f"{manifest.file}: its manifest lacks the thresholds {', '.join(sorted(missing))}",
            "convert the model again, with labeled pairs to measure them on",
        )
    return manifest.crop
