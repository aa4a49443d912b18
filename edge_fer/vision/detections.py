"""Choosing among the faces of one image."""

from __future__ import annotations

from collections.abc import Sequence

from edge_fer.domain.faces import Detection


def largest_face(detections: Sequence[Detection]) -> Detection | None:
    """The face whose box has the largest area, the first of equals; None where there is none.

    For photos that are about one person, where other faces are those of bystanders.
    """
    return max(detections, key=lambda detection: detection.box.area, default=None)
