"""Draws what `benchmarks.scaling` measured: a panel for each thing varied. Runs where matplotlib is, and reads JSON."""

from __future__ import annotations

import json
import sys
from importlib import import_module

_LINES = (("median_ms", "search", "#1b6ca8"), ("invoke_ms", "inside the networks", "#58a4b0"))


def main(path: str) -> None:
    """Draw what standard input holds into a .png."""
    points = json.load(sys.stdin)["points"]
    sweeps = list(dict.fromkeys(point["varied"] for point in points))
    matplotlib = import_module("matplotlib")
    matplotlib.use("Agg")
    pyplot = import_module("matplotlib.pyplot")
    figure, axes = pyplot.subplots(1, len(sweeps), figsize=(13, 4.2))
    for axis, varied in zip(axes, sweeps, strict=True):
        chosen = [point for point in points if point["varied"] == varied]
        at = [point["at"] for point in chosen]
        for key, label, color in _LINES:
            axis.plot(at, [point[key] for point in chosen], "o-", color=color, label=label, markersize=4)
        axis.plot(at, [point["floor_ms"] for point in chosen], "--", color="#222222", label="floor by arithmetic")
        axis.set_xlabel(varied)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("processor time, ms")
    axes[0].legend(frameon=False, fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
