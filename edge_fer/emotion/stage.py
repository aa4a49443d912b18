"""The emotion stage of the pipeline: the classifier, and what becomes of its results over a track's life."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge_fer.config.schema import EmotionConfig
from edge_fer.domain.faces import Emotion
from edge_fer.domain.geometry import Landmarks
from edge_fer.emotion.classifier import CONFIDENCE, EmotionClassifier
from edge_fer.emotion.smoother import EmotionHistory, EmotionSmoother
from edge_fer.tflite.model import Model


class EmotionStage:
    """Classifies crops and decides on a track's emotion; one thread owns it.

    It keeps no state of a track: each method takes the track's `EmotionHistory`.
    """

    def __init__(self, classifier: EmotionClassifier, config: EmotionConfig) -> None:
        self._classifier = classifier
        confidence = classifier.model.manifest.thresholds[CONFIDENCE]
        self._smoother = EmotionSmoother(classifier.labels, confidence, config)

    @property
    def models(self) -> tuple[Model, ...]:
        """The models that it runs."""
        return (self._classifier.model,)

    def urgency(self, history: EmotionHistory, now_s: float, *, first_seen_s: float) -> float:
        """How urgent a classification of this track is; 0 for not due."""
        return self._smoother.urgency(history, now_s, first_seen_s)

    def run(
        self, history: EmotionHistory, rgb: NDArray[np.uint8], landmarks: Landmarks, now_s: float
    ) -> EmotionHistory:
        """Classify a face of the frame `rgb`, uint8 (H, W, 3); the history with the result.

        Raises:
            ModelError: The number of outputs differs from the number of labels.
            InferenceError: The model failed.
        """
        return self._smoother.update(history, self._classifier.classify(rgb, landmarks), now_s)

    def conclude(self, history: EmotionHistory, rejection_reason: str | None, now_s: float) -> Emotion:
        """The emotion to report; `rejection_reason` says why this frame's crop was not good enough, if so."""
        return self._smoother.decide(history, rejection_reason, now_s)

    @staticmethod
    def age_s(history: EmotionHistory, now_s: float) -> float:
        """Seconds since the last classification; 0 before the first."""
        return now_s - history.updated_s if math.isfinite(history.updated_s) else 0.0
