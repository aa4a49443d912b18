"""Face crop → probabilities of emotion labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_fer.config.schema import EMOTION_PRESETS, EmotionConfig
from edge_fer.domain.geometry import Landmarks
from edge_fer.errors import ConfigError, ModelError
from edge_fer.tflite.manifest import Crop, Manifest
from edge_fer.tflite.model import Model
from edge_fer.tflite.outputs import label_values, probabilities
from edge_fer.vision.alignment import align, model_input

CONFIDENCE = "confidence"
"""Name in the manifest: the probability below which no label is given."""

Distribution = NDArray[np.float32]


class EmotionClassifier:
    """Turns faces into probabilities of the chosen labels; one thread owns it.

    Attributes:
        model: The emotion model.
        labels: The labels that `emotion.labels` chooses, in the order of the probabilities.

    Raises:
        ModelError: The model is not an emotion classifier.
        ConfigError: `emotion.labels` names a label that the model does not have.
    """

    def __init__(self, model: Model, config: EmotionConfig) -> None:
        self.model = model
        self._crop = _checked_crop(model.manifest)
        self.labels = _chosen_labels(model.manifest, config)
        self._columns = np.array([model.manifest.output.labels.index(label) for label in self.labels])

    def classify(self, rgb: NDArray[np.uint8], landmarks: Landmarks) -> Distribution:
        """Classify one face.

        Args:
            rgb: uint8 (H, W, 3), RGB, the whole frame.
            landmarks: Of the face, in pixels of `rgb`.

        Returns:
            float32 (labels,), summing to 1. Labels that were not chosen take no part.

        Raises:
            ModelError: The number of outputs differs from the number of labels.
            InferenceError: The model failed.
        """
        manifest = self.model.manifest
        crop = align(rgb, landmarks, self._crop, gray=manifest.input.color == "gray")
        values = label_values(self.model, model_input(crop, manifest.input))
        return probabilities(values[self._columns], manifest.output)


def _checked_crop(manifest: Manifest) -> Crop:
    output = manifest.output
    if manifest.task != "emotion" or output.kind not in {"logits", "probabilities"} or manifest.crop is None:
        raise ModelError(f"{manifest.file}: not an emotion model", "set models.emotion to an emotion model")
    if len(output.labels) < 2:
        raise ModelError(f"{manifest.file}: its manifest lists no labels", "convert the model again with its labels")
    if CONFIDENCE not in manifest.thresholds:
        raise ModelError(f"{manifest.file}: its manifest lacks the threshold '{CONFIDENCE}'", "convert the model again")
    return manifest.crop


def _chosen_labels(manifest: Manifest, config: EmotionConfig) -> tuple[str, ...]:
    if config.labels == "all":
        return manifest.output.labels
    wanted = EMOTION_PRESETS[config.labels] if isinstance(config.labels, str) else config.labels
    unknown = [label for label in wanted if label not in manifest.output.labels]
    if unknown or len(set(wanted)) < 2:
        problem = f"{manifest.file} has no label {', '.join(unknown)}" if unknown else "needs two labels or more"
        raise ConfigError(f"emotion.labels: {problem}", f"choose from {', '.join(manifest.output.labels)}")
    return tuple(dict.fromkeys(wanted))
