"""Aligned face → label distribution → a state that does not flicker."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_fer.align import align, model_input
from edge_fer.config import EMOTION_PRESETS, EmotionConfig
from edge_fer.errors import ConfigError, ModelError
from edge_fer.manifest import Crop, Manifest
from edge_fer.runtime import Model
from edge_fer.types import Emotion, EmotionState, Landmarks

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

        Labels that are not chosen are masked and the rest is renormalised.

        Raises:
            ModelError: The model's outputs and labels differ in number.
        """
        manifest = self.model.manifest
        crop = align(rgb, landmarks, self._crop, grey=manifest.input.colour == "grey")
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


@dataclass(frozen=True, slots=True)
class Mood:
    """What is known of one track's emotion.

    Attributes:
        recent: Time and distribution of the classifications in the last window, oldest first.
        scores: Their mean, float32 (labels,); None before the first classification.
        updated_s: Time of the last classification.
        label: Index of the label given last, or −1.
        since_s: Since when it is given.
    """

    recent: tuple[tuple[float, Distribution], ...] = ()
    scores: Distribution | None = None
    updated_s: float = -math.inf
    label: int = -1
    since_s: float = -math.inf


class MoodKeeper:
    """Smooths distributions over seconds and gives labels with hysteresis.

    Args:
        labels: Of the distributions.
        confidence: Smoothed probability that a label needs; config.min_confidence where that is set.
    """

    LEAD = 0.1
    """How much a new label must lead the one that is given: about the standard deviation of a smoothed score."""

    def __init__(self, labels: tuple[str, ...], confidence: float, config: EmotionConfig) -> None:
        self._labels = labels
        self._config = config
        self._confidence = confidence if config.min_confidence is None else config.min_confidence

    def urgency(self, mood: Mood, now_s: float, first_seen_s: float) -> float:
        """Age of the last classification, or of the track before the first, in units of its target; due from 1 on."""
        if mood.scores is None:
            return max(1.0, (now_s - first_seen_s) / self._config.refresh_s)
        return (now_s - mood.updated_s) / self._config.refresh_s

    def heard(self, mood: Mood, scores: Distribution, now_s: float) -> Mood:
        """The mood after one more distribution: the mean of those of the last `window_s`.

        A mean that forgets slowly instead would carry an old expression against a new one that is less pronounced for
        seconds; after one window nothing of it counts any more.
        """
        since_s = now_s - self._config.window_s
        recent = (*(item for item in mood.recent if item[0] > since_s), (now_s, scores))
        mean = np.stack([distribution for _, distribution in recent]).mean(axis=0)
        mood = replace(mood, recent=recent, scores=np.asarray(mean, np.float32), updated_s=now_s)
        label = self._label(mood, now_s)
        return mood if label == mood.label else replace(mood, label=label, since_s=now_s)

    def decide(self, mood: Mood, shortcoming: str | None, now_s: float) -> Emotion:
        """The state to publish.

        Args:
            shortcoming: Why this frame's crop is not good enough, if so.
            now_s: Time of the frame; a mood older than the window no longer counts.
        """
        window_s = self._config.window_s
        if mood.scores is None:
            return Emotion(EmotionState.ABSTAIN, window_s=window_s, reason=shortcoming or "no crop yet")
        scores = dict(zip(self._labels, mood.scores.tolist(), strict=True))
        stale = now_s - mood.updated_s > window_s + self._config.refresh_s
        if stale or mood.label < 0:
            reason = (shortcoming or "not seen") if stale else "low confidence"
            return Emotion(EmotionState.ABSTAIN, None, scores, window_s, reason)
        return Emotion(EmotionState.OK, self._labels[mood.label], scores, window_s, None)

    def _label(self, mood: Mood, now_s: float) -> int:
        assert mood.scores is not None  # heard() has just set them
        best = int(mood.scores.argmax())
        given = mood.label
        if given >= 0:
            if now_s - mood.since_s < self._config.min_dwell_s:
                return given
            if best != given and mood.scores[best] - mood.scores[given] < self.LEAD:
                best = given
        # leaving takes a lower score than arriving, so that a score at the threshold does not flicker
        needed = self._confidence - (self.LEAD if best == given else 0)
        return best if mood.scores[best] >= needed else -1


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
