"""How well an embedding tells people apart."""

from __future__ import annotations

import numpy as np
import pytest

from converters import identity_figures
from converters.calibration import Face
from converters.lfw import LabeledFaces
from converters.verification import Pair, unit
from edge_fer.domain.geometry import Landmarks

PEOPLE, PHOTOS = 40, 5


@pytest.fixture
def faces() -> LabeledFaces:
    """Forty people with five photos each, and pairs in two folds."""
    blank = Face("", np.zeros((1, 1, 3), np.uint8), Landmarks.from_array(np.zeros((5, 2))))
    names = [f"p{person:02}/p{person:02}_{photo:04}.jpg" for person in range(PEOPLE) for photo in range(PHOTOS)]
    pairs = []
    for person in range(PEOPLE):
        other = (person + 1) % PEOPLE
        first = names[person * PHOTOS]
        pairs += [
            Pair(person % 2, first, names[person * PHOTOS + 1], same=True),
            Pair(person % 2, first, names[other * PHOTOS], same=False),
        ]
    return LabeledFaces(dict.fromkeys(names, blank), tuple(pairs), ())


def embeddings(spread: float, seed: int) -> np.ndarray:
    """(people · photos, 64): a center for each person, and noise."""
    centers = np.random.default_rng(1).normal(size=(PEOPLE, 64)).repeat(PHOTOS, axis=0)
    noise = np.random.default_rng(seed).normal(0, spread, centers.shape)
    return np.asarray(centers + noise, np.float32)


def test_clear_embeddings_score_all(faces: LabeledFaces) -> None:
    """Everybody is accepted, nobody confused; too few strangers for a rate of 1e-4."""
    found = identity_figures.measure(embeddings(0.2, 2), embeddings(0.2, 3), faces)
    assert found.quality["accuracy_single"] == 1
    assert found.quality["tar_fmr_1e-3_single"] == 1
    assert "fmr_1e-3_single" in found.thresholds
    assert "fmr_1e-4_mean" not in found.thresholds


def test_a_mirror_image_helps_noisy_embeddings(faces: LabeledFaces) -> None:
    """Two views at a face are better than one."""
    found = identity_figures.measure(embeddings(1.2, 2), embeddings(1.2, 3), faces)
    assert found.quality["tar_fmr_1e-3_flip"] > found.quality["tar_fmr_1e-3_single"]
    assert found.quality["tar_fmr_1e-3_single"] < 1


def test_thresholds_of_the_flip_are_not_offered(faces: LabeledFaces) -> None:
    """The run time takes single crops, so only their thresholds go into the manifest."""
    found = identity_figures.measure(embeddings(0.5, 2), embeddings(0.5, 3), faces)
    assert not any(name.endswith("flip") for name in found.thresholds)
    assert all(-1 <= value <= 1 for value in found.thresholds.values())


def test_accuracy_is_that_of_the_pairs(faces: LabeledFaces) -> None:
    """Embeddings that say nothing are right half of the time."""
    noise = np.random.default_rng(5).normal(size=(PEOPLE * PHOTOS, 64)).astype(np.float32)
    assert identity_figures.accuracy(unit(noise), faces) == pytest.approx(0.5, abs=0.2)
