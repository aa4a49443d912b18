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
    panels = sorted({(condition["people"], condition["width_px"], condition["height_px"]) for condition in conditions})
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
    figure.suptitle("Processor time a frame on one thread; found / known faces behind each bar", fontsize=12)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def _draw(axis: Any, conditions: list[dict[str, Any]]) -> None:
    names = [row["name"] for row in conditions[0]["rows"]]
    height = 0.8 / len(conditions)
    for index, condition in enumerate(conditions):
        for place, row in enumerate(condition["rows"]):
            y = place + (index - (len(conditions) - 1) / 2) * height
            colour = _OURS if row["ratio"] is None else _THEIRS
            axis.barh(y, row["cpu_ms"], height * 0.9, color=colour, alpha=0.45 + 0.55 * (index + 1) / len(conditions))
            label = f" {row['cpu_ms']:.3g} ms · {row['found']}/{row['present']}"
            missed = row["found"] < row["present"]
            axis.text(row["cpu_ms"], y, label, va="center", fontsize=7, color=_MISSED if missed else "#222222")
    axis.set_xscale("log")
    axis.set_xlim(right=axis.get_xlim()[1] * 3)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.invert_yaxis()
    counts = ", ".join(str(condition["faces"]) for condition in conditions)
    axis.set_xlabel(f"milliseconds, logarithmic; bars from above: {counts} faces", fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main(*sys.argv[1:])
