"""Label orders of the emotion model and of its data: the only place where one order is turned into another."""

from __future__ import annotations

LABELS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise", "tired")
"""Order of the model's outputs. The first seven are FER2013's own order (fer2013/*.npz: label7_names)."""

BASIC = LABELS[:7]
TIRED = LABELS.index("tired")

VOTE_COLUMNS = (4, 5, 6, 1, 0, 3, 2)
"""Columns of FER+ votes (neutral happiness surprise sadness anger disgust fear contempt unknown not_a_face) in the
order of BASIC; the last three have no place among our labels."""
