"""Figures of the parity gate."""

from __future__ import annotations

import numpy as np
import pytest

from converters import parity
from converters.parity import Check, Jitter
from edge_fer.domain.faces import Detection
from edge_fer.domain.geometry import Box, Landmarks

POINTS = np.array(((30, 40), (70, 40), (50, 60), (35, 80), (65, 80)), np.float32)


def face(shift: float = 0.0, side: float = 100.0) -> Detection:
    """A face at `shift` pixels from the corner."""
    return Detection(Box(shift, shift, shift + side, shift + side), 0.9, Landmarks.from_array(POINTS + shift))


@pytest.mark.parametrize(
    ("value", "sense", "limit", "passed"),
    [(0.99, "min", 0.98, True), (0.97, "min", 0.98, False), (0.4, "max", 0.5, True), (0.6, "max", 0.5, False)],
)
def test_a_check_has_a_sense(value: float, sense: str, limit: float, passed: bool) -> None:
    """At least, or at most."""
    assert Check("x", value, sense, limit, "test").passed is passed  # type: ignore[arg-type]


@pytest.mark.parametrize("sense", ["min", "max"])
def test_what_is_no_number_never_passes(sense: str) -> None:
    """A figure that could not be computed is no pass."""
    assert not Check("x", float("nan"), sense, 0.5, "test").passed  # type: ignore[arg-type]


def test_a_check_reads_as_a_sentence() -> None:
    """Value and limit stand in the error message."""
    assert str(Check("cosine_mean", 0.5, "min", 0.99, "test")) == "cosine_mean 0.5000 (needs ≥ 0.99)"


def test_same_embeddings_pass() -> None:
    """Length does not matter to a cosine."""
    vectors = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    assert all(check.passed for check in parity.embeddings(vectors, 3 * vectors, worst=0.99))


def test_one_face_in_twenty_gone_wrong_is_refused() -> None:
    """The mean would hide it; the first percentile does not."""
    vectors = np.random.default_rng(0).normal(size=(100, 32)).astype(np.float32)
    wrong = vectors.copy()
    wrong[:5] *= np.sign(np.random.default_rng(1).normal(size=(5, 32))).astype(np.float32)
    checks = {check.name: check for check in parity.embeddings(vectors, wrong, worst=0.99)}
    assert not checks["cosine_p1"].passed


@pytest.mark.parametrize(
    ("count", "others", "passed"), [(100, 4, True), (100, 5, False), (3000, 60, True), (3000, 75, False)]
)
def test_labels_count_agreement(count: int, others: int, passed: bool) -> None:
    """Two in a hundred may differ; a small sample has room for chance, a large one has less."""
    original = np.eye(4, dtype=np.float32)[np.arange(count) % 4]
    converted = original.copy()
    converted[:others] = converted[:others, ::-1]
    check = parity.labels(original, converted)
    assert check.value == pytest.approx(1 - others / count)
    assert check.passed is passed


def test_a_gain_of_accuracy_is_no_loss() -> None:
    """The loss is signed."""
    assert parity.accuracy_change(0.90, 0.91, 0.5).value == pytest.approx(-1)
    assert not parity.accuracy_change(0.90, 0.89, 0.5).passed


def test_equal_faces_have_no_jitter() -> None:
    """All found, tight and steady."""
    faces = [(face(), face(300)), ()]
    assert parity.jitter(faces, faces) == Jitter(1.0, 1.0, 1.0, count=2, extra=0)


def test_jitter_counts_lost_moved_and_new_faces() -> None:
    """One is lost, one moved by three pixels, one is new."""
    found = parity.jitter([(face(), face(300))], [(face(3), face(600))])
    assert found.found == 0.5
    assert found.tight == 0.0  # 97²/(2·100² − 97²) = 0.89
    assert found.steady == 0.0
    assert (found.count, found.extra) == (2, 1)


def test_no_faces_at_all_is_no_pass() -> None:
    """Pictures without faces prove nothing."""
    nothing = parity.jitter([()], [()])
    assert not parity.detector(nothing, nothing)[0].passed


def test_the_detector_may_jitter_as_much_as_a_pixel() -> None:
    """The limit is what a shift of the input does."""
    shifted = Jitter(0.99, 0.85, 0.9, 100, 0)
    assert all(check.passed for check in parity.detector(Jitter(1, 0.86, 0.9, 100, 0), shifted))
    assert not all(check.passed for check in parity.detector(Jitter(1, 0.84, 0.9, 100, 0), shifted))
