"""How far probabilities can be believed: temperature, calibration error, risk against coverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BINS = 15
"""Guo et al. 2017 use 15 bins of equal width."""


def softmax(logits: NDArray[np.floating]) -> Floats:
    """Probabilities over the last axis, float64."""
    raised = np.exp(np.asarray(logits, np.float64) - np.max(logits, axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), np.float64)


def fit_temperature(logits: NDArray[np.floating], truth: NDArray[np.integer]) -> float:
    """The temperature that makes the true labels likeliest.

    Args:
        logits: (n, labels).
        truth: (n,), indices.

    Returns:
        Within 0.2–5, to 1e-4.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks"; golden-section search on log T.
    """
    low, high = np.log(0.2), np.log(5.0)
    ratio = (np.sqrt(5) - 1) / 2
    while high - low > 1e-4:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if _surprise(logits, truth, np.exp(left)) < _surprise(logits, truth, np.exp(right)):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


@dataclass(frozen=True)
class Reliability:
    """Per bin of confidence: mean confidence, share right (NaN where empty), and how many; each (BINS,)."""

    confidence: Floats
    accuracy: Floats
    count: NDArray[np.int64]

    @property
    def error(self) -> float:
        """Expected calibration error: mean gap, weighted by count."""
        full = self.count > 0
        gaps = np.abs(self.confidence[full] - self.accuracy[full])
        return float((gaps * self.count[full]).sum() / self.count.sum())


def reliability(probabilities: NDArray[np.floating], truth: NDArray[np.integer]) -> Reliability:
    """Confidence against accuracy.

    Args:
        probabilities: (n, labels), rows sum to one.
        truth: (n,), indices.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    count = np.bincount(place, minlength=BINS)
    safe = np.where(count > 0, count, np.nan)
    return Reliability(
        np.bincount(place, confidence, BINS) / safe, np.bincount(place, right.astype(float), BINS) / safe, count
    )


@dataclass(frozen=True)
class RiskCoverage:
    """For each confidence threshold, from high to low: share answered and share wrong among those; each (n,)."""

    threshold: Floats
    coverage: Floats
    risk: Floats

    @property
    def area(self) -> float:
        """Area under risk over coverage: mean risk if any coverage is as likely."""
        return float(self.risk.mean())

    def at_coverage(self, wanted: float) -> tuple[float, float]:
        """(threshold, risk) where `wanted` of the faces are answered."""
        place = int(np.searchsorted(self.coverage, wanted))
        place = min(place, len(self.risk) - 1)
        return float(self.threshold[place]), float(self.risk[place])


def risk_coverage(probabilities: NDArray[np.floating], truth: NDArray[np.integer]) -> RiskCoverage:
    """What abstaining below a confidence buys.

    Source: El-Yaniv & Wiener 2010, "On the Foundations of Noise-free Selective Classification".
    """
    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    wrong = (probabilities.argmax(axis=1) != truth)[order]
    answered = np.arange(1, len(order) + 1)
    return RiskCoverage(
        confidence[order].astype(np.float64), answered / len(order), np.cumsum(wrong, dtype=np.float64) / answered
    )


def confusion(guess: NDArray[np.integer], truth: NDArray[np.integer], labels: int) -> NDArray[np.int64]:
    """(labels, labels) counts; rows are the truth."""
    counts = np.zeros((labels, labels), np.int64)
    np.add.at(counts, (truth, guess), 1)
    return counts


def macro_f1(counts: NDArray[np.int64]) -> float:
    """Mean of the labels' F1 from a confusion matrix."""
    right = np.diag(counts)
    return float((2 * right / np.maximum(counts.sum(axis=0) + counts.sum(axis=1), 1)).mean())


def _surprise(logits: NDArray[np.floating], truth: NDArray[np.integer], temperature: float) -> float:
    chosen = softmax(np.asarray(logits) / temperature)[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())
