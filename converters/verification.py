"""Same person or not: labeled pairs, accuracy by folds, and thresholds at a false match rate."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_fer.errors import SourceError

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Pair:
    """Two photos and whether they show one person."""

    fold: int
    a: str
    b: str
    same: bool


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """Read a CSV with the columns fold, image_a, image_b, same (0 or 1).

    Raises:
        SourceError: Missing, or other columns.
    """
    hint = "give a CSV with the columns fold,image_a,image_b,same"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return tuple(
                Pair(int(row["fold"]), row["image_a"], row["image_b"], bool(int(row["same"])))
                for row in csv.DictReader(file)
            )
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}", hint) from error
    except (KeyError, TypeError, ValueError) as error:
        raise SourceError(f"{path}: no list of pairs: {error}", hint) from error


def unit(vectors: Floats) -> Floats:
    """(n, d) rows brought to length 1."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)


def fold_accuracy(scores: Floats, same: NDArray[np.bool_], folds: NDArray[np.int_]) -> float:
    """Mean accuracy over the folds, each judged with the threshold that is best on all the others.

    Source: Huang et al. 2007 (LFW), view 2.
    """
    found = []
    for fold in np.unique(folds):
        held = folds == fold
        threshold = best_threshold(scores[~held], same[~held])
        found.append(((scores[held] >= threshold) == same[held]).mean())
    return float(np.mean(found))


def best_threshold(scores: Floats, same: NDArray[np.bool_]) -> float:
    """The score that separates best; halfway between the two scores around it."""
    order = np.sort(scores)
    middles = np.concatenate(([order[0] - 1e-3], (order[1:] + order[:-1]) / 2, [order[-1] + 1e-3]))
    positives, negatives = np.sort(scores[same]), np.sort(scores[~same])
    right = len(positives) - np.searchsorted(positives, middles) + np.searchsorted(negatives, middles)
    return float(middles[int(right.argmax())])


def threshold_at(strangers: Floats, rate: float) -> float:
    """The lowest score that at most `rate` of the strangers' scores reach."""
    allowed = int(np.floor(rate * len(strangers)))
    return float(np.nextafter(np.partition(strangers, len(strangers) - 1 - allowed)[-1 - allowed], np.float32(np.inf)))


def cross_scores(vectors: Floats, subjects: NDArray[np.str_]) -> tuple[Floats, Floats]:
    """Cosines of all pairs of rows, (same person, strangers).

    Args:
        vectors: (n, d), length 1.
        subjects: (n,) names.
    """
    upper = np.triu_indices(len(vectors), 1)
    scores = (vectors @ vectors.T)[upper]
    same = subjects[upper[0]] == subjects[upper[1]]
    return scores[same], scores[~same]


def enrolled_scores(vectors: Floats, subjects: NDArray[np.str_], photos: int) -> tuple[Floats, Floats]:
    """Cosines of single photos with means of `photos` others of one person, (same person, strangers).

    A person's first `photos` rows are enrolled, in the order given; all further rows are probes, and so are the rows
    of people with too few photos to be enrolled.
    """
    names, starts, counts = np.unique(subjects, return_index=True, return_counts=True)
    del starts
    enrolled = names[counts > photos]
    rows = [np.flatnonzero(subjects == name)[:photos] for name in enrolled]
    templates = unit(np.stack([vectors[row].mean(axis=0) for row in rows]))
    probes = np.setdiff1d(np.arange(len(subjects)), np.concatenate(rows))
    scores = vectors[probes] @ templates.T
    same = subjects[probes][:, None] == enrolled[None]
    return scores[same], scores[~same]
