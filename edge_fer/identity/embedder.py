"""Face crop → embedding."""

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
"""Names in the manifest: the cosine at a false match rate of 1 in 1,000, for a template of one photo and of several."""


class Embedder:
    """Turns faces into embeddings; one thread owns it.

    Attributes:
        model: The identity model.

    Raises:
        ModelError: The model does not give embeddings, or its manifest lacks the crop or the thresholds.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._crop = _checked_crop(model.manifest)

    def embed(self, rgb: NDArray[np.uint8], landmarks: Landmarks) -> Embedding:
        """Embed one face.

        Args:
            rgb: uint8 (H, W, 3), RGB, the whole frame.
            landmarks: Of the face, in pixels of `rgb`.

        Returns:
            float32 (d,) of length 1.

        Raises:
            InferenceError: The model failed.
        """
        crop = align(rgb, landmarks, self._crop)
        vector = self.model(model_input(crop, self.model.manifest.input))[0].reshape(-1)
        return np.asarray(vector / np.linalg.norm(vector), np.float32)


def _checked_crop(manifest: Manifest) -> Crop:
    if manifest.task != "identity" or manifest.output.kind != "embedding" or manifest.crop is None:
        raise ModelError(f"{manifest.file}: not an identity model", "set models.identity to an identity model")
    missing = {THRESHOLD_SINGLE, THRESHOLD_MEAN} - set(manifest.thresholds)
    if missing:
        raise ModelError(
            f"{manifest.file}: its manifest lacks the thresholds {', '.join(sorted(missing))}",
            "convert the model again, with labeled pairs to measure them on",
        )
    return manifest.crop
