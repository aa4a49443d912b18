"""Pictures for the model card: confusion matrix, reliability diagram, risk against coverage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.training import calibration
from converters.training.labels import BASIC

_INK, _BLUE, _GRAY = "#222222", "#2a6fb0", "#b8b8b8"
_CURVE_POINTS = 200


def curves(probabilities: NDArray[np.floating], truth: NDArray[np.integer]) -> dict[str, list[float]]:
    """What the reliability and risk–coverage plots need, as plain numbers."""
    bins = calibration.reliability(probabilities, truth)
    curve = calibration.risk_coverage(probabilities, truth)
    some = np.linspace(len(truth) // 50, len(truth) - 1, _CURVE_POINTS).astype(int)
    return {
        "bin_confidence": np.nan_to_num(bins.confidence).round(4).tolist(),
        "bin_accuracy": np.nan_to_num(bins.accuracy).round(4).tolist(),
        "bin_count": bins.count.tolist(),
        "coverage": curve.coverage[some].round(4).tolist(),
        "risk": curve.risk[some].round(4).tolist(),
        "threshold": curve.threshold[some].round(4).tolist(),
    }


def draw_all(report: dict[str, Any], folder: Path) -> None:
    """Write emotion_confusion.png, emotion_reliability.png and emotion_risk_coverage.png."""
    import matplotlib as mpl  # noqa: PLC0415  # only where plots are asked for

    mpl.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    _confusion(np.array(report["float"]["confusion"]), folder / "emotion_confusion.png")
    _reliability(report["curves"], report["float"]["ece"], folder / "emotion_reliability.png")
    _risk_coverage(report["curves"], folder / "emotion_risk_coverage.png")


def _confusion(counts: NDArray[np.int64], path: Path) -> None:
    from matplotlib import pyplot as plt  # noqa: PLC0415

    shares = counts / counts.sum(axis=1, keepdims=True)
    figure, axes = plt.subplots(figsize=(6.2, 5.4))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*shares.shape):
        color = "white" if shares[row, column] > 0.55 else _INK
        axes.text(column, row, f"{100 * shares[row, column]:.0f}", ha="center", va="center", color=color)
    names = [f"{name} ({count})" for name, count in zip(BASIC, counts.sum(axis=1), strict=True)]
    axes.set_xticks(range(len(BASIC)), BASIC, rotation=35, ha="right")
    axes.set_yticks(range(len(BASIC)), names)
    axes.set_xlabel("answer, % of the row")
    axes.set_ylabel("FER2013 label (faces)")
    axes.set_title("Confusion on FER2013 valid")
    _save(figure, path)


def _reliability(numbers: dict[str, list[float]], error: float, path: Path) -> None:
    from matplotlib import pyplot as plt  # noqa: PLC0415

    count = np.array(numbers["bin_count"])
    edges = np.arange(calibration.BINS) / calibration.BINS
    figure, (axes, below) = plt.subplots(2, 1, figsize=(5.4, 6), height_ratios=(3, 1), sharex=True)
    width = 1 / calibration.BINS
    axes.bar(edges, numbers["bin_accuracy"], width, align="edge", color=_BLUE, edgecolor="white", label="share right")
    axes.plot((0, 1), (0, 1), "--", color=_INK, linewidth=1, label="perfectly calibrated")
    axes.set_ylabel("share right")
    axes.set_title(f"Reliability on FER2013 valid: calibration error {error:.3f}")
    axes.legend(loc="upper left", frameon=False)
    below.bar(edges, count / count.sum(), width, align="edge", color=_GRAY, edgecolor="white")
    below.set_ylabel("share of faces")
    below.set_xlabel("confidence")
    below.set_xlim(0, 1)
    _save(figure, path)


def _risk_coverage(numbers: dict[str, list[float]], path: Path) -> None:
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(5.8, 4.2))
    axes.plot(numbers["coverage"], numbers["risk"], color=_BLUE, linewidth=2)
    for wanted in (0.5, 0.7, 0.85, 1.0):
        place = min(int(np.searchsorted(numbers["coverage"], wanted)), len(numbers["risk"]) - 1)
        x, y = numbers["coverage"][place], numbers["risk"][place]
        axes.plot(x, y, "o", color=_INK, markersize=4)
        label = f"confidence ≥ {numbers['threshold'][place]:.2f}"
        axes.annotate(label, (x, y), (-8, 6), textcoords="offset points", ha="right")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, max(numbers["risk"]) * 1.15)
    axes.set_xlabel("share of faces that get an answer")
    axes.set_ylabel("share of answers that differ from the label")
    axes.set_title("What saying “unsure” buys (FER2013 valid)")
    axes.grid(alpha=0.25)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
