"""Classifications of one track over time → a label that does not flicker."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from edge_fer.config.schema import EmotionConfig
from edge_fer.domain.faces import Emotion, EmotionState
from edge_fer.emotion.classifier import Distribution


@dataclass(frozen=True, slots=True)
class EmotionHistory:
    """The recent classifications of one track, and the label given last.

    Attributes:
        recent: Time and probabilities of the classifications in the last window, oldest first.
        scores: Their mean, float32 (labels,); None before the first classification.
        updated_s: Time of the last classification.
        label: Index of the label given last; −1 for none.
        since_s: Time since which this label is given.
    """

    recent: tuple[tuple[float, Distribution], ...] = ()
    scores: Distribution | None = None
    updated_s: float = -math.inf
    label: int = -1
    since_s: float = -math.inf


class EmotionSmoother:
    """Averages classifications over a window of seconds and gives labels with hysteresis.

    Args:
        labels: Of the probabilities.
        confidence: Averaged probability that a label needs; `config.min_confidence` replaces it where set.
        config: Window, refresh time, least time that a label stays.
    """

    LEAD = 0.1
    """By how much a new label must lead the present one: about the standard deviation of an averaged probability."""

    def __init__(self, labels: tuple[str, ...], confidence: float, config: EmotionConfig) -> None:
        self._labels = labels
        self._config = config
        self._confidence = confidence if config.min_confidence is None else config.min_confidence

    def urgency(self, history: EmotionHistory, now_s: float, first_seen_s: float) -> float:
        """How urgent the next classification is: the age of the last one in units of `emotion.refresh_s`.

        Before the first classification, the age of the track counts, and at least 1.

        Returns:
            1 or more where a classification is due, else 0.
        """
        if history.scores is None:
            return max(1.0, (now_s - first_seen_s) / self._config.refresh_s)
        age = (now_s - history.updated_s) / self._config.refresh_s
        return age if age >= 1 else 0.0

    def update(self, history: EmotionHistory, scores: Distribution, now_s: float) -> EmotionHistory:
        """The history with one more classification: probabilities are the mean over the last `window_s`.

        Exponential smoothing instead would carry an old expression against a new, less pronounced one for seconds;
        after one window nothing of it counts.
        """
        since_s = now_s - self._config.window_s
        recent = (*(item for item in history.recent if item[0] > since_s), (now_s, scores))
        mean = np.stack([distribution for _, distribution in recent]).mean(axis=0)
        history = replace(history, recent=recent, scores=np.asarray(mean, np.float32), updated_s=now_s)
        label = self._label(history, now_s)
        return history if label == history.label else replace(history, label=label, since_s=now_s)

    def decide(self, history: EmotionHistory, rejection_reason: str | None, now_s: float) -> Emotion:
        """The emotion to report.

        Args:
            history: Of the track.
            rejection_reason: Why this frame's crop was not good enough; None where it was.
            now_s: Time of the frame; a history older than the window no longer counts.
        """
        window_s = self._config.window_s
        if history.scores is None:
            return Emotion(EmotionState.ABSTAIN, window_s=window_s, reason=rejection_reason or "no crop yet")
        scores = dict(zip(self._labels, history.scores.tolist(), strict=True))
        stale = now_s - history.updated_s > window_s + self._config.refresh_s
        if stale or history.label < 0:
            reason = (rejection_reason or "not seen") if stale else "low confidence"
            return Emotion(EmotionState.ABSTAIN, None, scores, window_s, reason)
        return Emotion(EmotionState.OK, self._labels[history.label], scores, window_s, None)

    def _label(self, history: EmotionHistory, now_s: float) -> int:
        assert history.scores is not None  # update() has just set them
        best = int(history.scores.argmax())
        present = history.label
        if present >= 0:
            if now_s - history.since_s < self._config.min_dwell_s:
                return present
            if best != present and history.scores[best] - history.scores[present] < self.LEAD:
                best = present
        # keeping a label takes a lower score than getting it, so that a score at the threshold does not flicker
        needed = self._confidence - (self.LEAD if best == present else 0)
        return best if history.scores[best] >= needed else -1
