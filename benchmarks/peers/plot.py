"""Draws the results of a run: milliseconds a frame and the faces found. Runs where matplotlib is, and reads JSON."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

_OURS, _THEIRS, _MISSED = "#1b6ca8", "#9aa5b1", "#c8553d"


def main(path: str) -> None:
    """Draw what standard input holds into a .png: a row of panels for each set of people, a panel for each size."""
    conditions = json.load(sys.stdin)["stills"]
    panels = list(dict.fromkeys((c["people"], c["width_px"], c["height_px"]) for c in conditions))
    matplotlib = import_module("matplotlib")
    matplotlib.use("Agg")
    pyplot = import_module("matplotlib.pyplot")
    rows = len({people for people, _, _ in panels})
    figure, axes = pyplot.subplots(rows, len(panels) // rows, figsize=(13, 4.6 * rows), squeeze=False)
    for axis, panel in zip(axes.flat, panels, strict=True):
        people, width, height = panel
        chosen = [c for c in conditions if (c["people"], c["width_px"], c["height_px"]) == panel]
        _draw(axis, sorted(chosen, key=lambda condition: condition["faces"]))
        axis.set_title(f"{people}, {width}×{height}", fontsize=11)
    figure.suptitle("Processor time a frame on one thread; faces found of those that are there", fontsize=12)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def _draw(axis: Any, conditions: list[dict[str, Any]]) -> None:
    """One line a contender, one dot a number of faces; red numbers where faces were missed."""
    names = [row["name"] for row in conditions[0]["rows"]]
    height = 0.75 / len(conditions)
    for index, condition in enumerate(conditions):
        for place, row in enumerate(condition["rows"]):
            y = place + (index - (len(conditions) - 1) / 2) * height
            axis.plot(row["cpu_ms"], y, "o", color=_OURS if row["ratio"] is None else _THEIRS, markersize=5)
            label = f"  {row['cpu_ms']:.3g} ms, {row['found']} of {row['present']}"
            missed = row["found"] < row["present"]
            axis.text(row["cpu_ms"], y, label, va="center", fontsize=7, color=_MISSED if missed else "#222222")
    axis.set_xscale("log")
    low, high = axis.get_xlim()
    axis.set_xlim(low, high * 2.5)
    ticks = [
        tick for decade in (1, 10, 100, 1000) for tick in (decade, 2 * decade, 5 * decade) if low < tick < high * 2
    ]
    axis.set_xticks(ticks, ticks)
    axis.set_xticks([], minor=True)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.invert_yaxis()
    axis.grid(axis="x", alpha=0.25)
    counts = ", ".join(str(condition["faces"]) for condition in conditions)
    axis.set_xlabel(f"ms, logarithmic; dots from above: {counts} faces", fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main(*sys.argv[1:])
