"""Distributions over seconds → a label that does not flicker."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from edge_fer.config.schema import EmotionConfig
from edge_fer.domain.faces import Emotion, EmotionState
from edge_fer.emotion.classifier import Distribution


@dataclass(frozen=True, slots=True)
class EmotionHistory:
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


class EmotionSmoother:
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

    def urgency(self, mood: EmotionHistory, now_s: float, first_seen_s: float) -> float:
        """Age of the last classification, or of the track before the first, in units of its target; due from 1 on."""
        if mood.scores is None:
            return max(1.0, (now_s - first_seen_s) / self._config.refresh_s)
        return (now_s - mood.updated_s) / self._config.refresh_s

    def update(self, mood: EmotionHistory, scores: Distribution, now_s: float) -> EmotionHistory:
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

    def decide(self, mood: EmotionHistory, rejection_reason: str | None, now_s: float) -> Emotion:
        """The state to publish.

        Args:
            rejection_reason: Why this frame's crop is not good enough, if so.
            now_s: Time of the frame; a mood older than the window no longer counts.
        """
        window_s = self._config.window_s
        if mood.scores is None:
            return Emotion(EmotionState.ABSTAIN, window_s=window_s, reason=rejection_reason or "no crop yet")
        scores = dict(zip(self._labels, mood.scores.tolist(), strict=True))
        stale = now_s - mood.updated_s > window_s + self._config.refresh_s
        if stale or mood.label < 0:
            reason = (rejection_reason or "not seen") if stale else "low confidence"
            return Emotion(EmotionState.ABSTAIN, None, scores, window_s, reason)
        return Emotion(EmotionState.OK, self._labels[mood.label], scores, window_s, None)

    def _label(self, mood: EmotionHistory, now_s: float) -> int:
        assert mood.scores is not None  # update() has just set them
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
