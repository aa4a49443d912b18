"""Aligned face → distribution over emotion labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_fer.config.schema import EMOTION_PRESETS, EmotionConfig
from edge_fer.domain.geometry import Landmarks
from edge_fer.errors import ConfigError, ModelError
from edge_fer.tflite.manifest import Crop, Manifest
from edge_fer.tflite.model import Model
from edge_fer.vision.alignment import align, model_input

CONFIDENCE = "confidence"
"""Name in the manifest: the probability below which no label is given."""

Distribution = NDArray[np.float32]


class EmotionClassifier:
    """Turns faces into distributions over the chosen labels; one thread owns it.

    Raises:
        ModelError: The model is no classifier, or its outputs and labels do not match in number.
        ConfigError: A chosen label is none of the model's.
    """

    def __init__(self, model: Model, config: EmotionConfig) -> None:
        self.model = model
        self._crop = _checked_crop(model.manifest)
        self.labels = _chosen(model.manifest, config)
        self._columns = np.array([model.manifest.output.labels.index(label) for label in self.labels])

    def classify(self, rgb: NDArray[np.uint8], landmarks: Landmarks) -> Distribution:
        """float32 (labels,), summing to 1, of the face with these landmarks in uint8 (H, W, 3).

        Labels that are not chosen are masked and the rest is renormalized.

        Raises:
            ModelError: The model's outputs and labels differ in number.
        """
        manifest = self.model.manifest
        crop = align(rgb, landmarks, self._crop, gray=manifest.input.color == "gray")
        raw = self.model(model_input(crop, manifest.input))[0].reshape(-1)
        if len(raw) != len(manifest.output.labels):
            raise ModelError(
                f"{manifest.file}: gives {len(raw)} numbers for {len(manifest.output.labels)} labels",
                "convert it again with the right labels",
            )
        chosen = raw[self._columns]
        if manifest.output.kind == "logits":
            chosen = np.exp((chosen - chosen.max()) / manifest.output.temperature)
        return np.asarray(chosen / max(float(chosen.sum()), 1e-9), np.float32)


def _checked_crop(manifest: Manifest) -> Crop:
    output = manifest.output
    if manifest.task != "emotion" or output.kind not in {"logits", "probabilities"} or manifest.crop is None:
        raise ModelError(f"{manifest.file}: is no emotion model", "set models.emotion to one")
    if len(output.labels) < 2:
        raise ModelError(f"{manifest.file}: its manifest names no labels", "convert it again with its labels")
    if CONFIDENCE not in manifest.thresholds:
        raise ModelError(f"{manifest.file}: its manifest lacks the threshold '{CONFIDENCE}'", "convert the model again")
    return manifest.crop


def _chosen(manifest: Manifest, config: EmotionConfig) -> tuple[str, ...]:
    if config.labels == "all":
        return manifest.output.labels
    wanted = EMOTION_PRESETS[config.labels] if isinstance(config.labels, str) else config.labels
    unknown = [label for label in wanted if label not in manifest.output.labels]
    if unknown or len(set(wanted)) < 2:
        problem = f"{manifest.file} has no label {', '.join(unknown)}" if unknown else "needs two labels or more"
        raise ConfigError(f"emotion.labels: {problem}", f"choose from {', '.join(manifest.output.labels)}")
    return tuple(dict.fromkeys(wanted))
