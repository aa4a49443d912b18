"""Accuracy by folds and thresholds at false match rates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters import verification
from edge_fer.errors import SourceError


def test_reads_pairs(tmp_path: Path) -> None:
    """A CSV of pairs becomes pairs."""
    path = tmp_path / "pairs.csv"
    path.write_text("fold,image_a,image_b,same\n1,a/a_1.jpg,a/a_2.jpg,1\n2,a/a_1.jpg,b/b_1.jpg,0\n", encoding="utf-8")
    first, second = verification.read_pairs(path)
    assert (first.fold, first.a, first.b, first.same) == (1, "a/a_1.jpg", "a/a_2.jpg", True)
    assert not second.same


@pytest.mark.parametrize("text", ["left,right\n1,2\n", "fold,image_a,image_b,same\none,a,b,1\n"])
def test_refuses_another_table(tmp_path: Path, text: str) -> None:
    """Other columns, or a fold that is no number, are no list of pairs."""
    path = tmp_path / "pairs.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match="no list of pairs"):
        verification.read_pairs(path)


def test_refuses_a_missing_table(tmp_path: Path) -> None:
    """The message names the file."""
    with pytest.raises(SourceError, match=r"nowhere\.csv"):
        verification.read_pairs(tmp_path / "nowhere.csv")


def test_unit_rows_have_length_one() -> None:
    """Also rows of zeros come out finite."""
    rows = verification.unit(np.array(((3.0, 4.0), (0.0, 0.0)), np.float32))
    assert np.allclose(rows, ((0.6, 0.8), (0, 0)))


def test_best_threshold_separates() -> None:
    """Between the highest stranger and the lowest friend."""
    scores = np.array((0.1, 0.2, 0.8, 0.9), np.float32)
    threshold = verification.best_threshold(scores, np.array((False, False, True, True)))
    assert 0.2 < threshold < 0.8


def test_fold_accuracy_uses_the_other_folds_threshold() -> None:
    """A fold whose scores lie elsewhere is judged with a threshold that does not fit it."""
    scores = np.array((0.1, 0.9, 0.1, 0.9, 0.91, 0.99), np.float32)
    same = np.array((False, True, False, True, False, True))
    folds = np.array((1, 1, 2, 2, 3, 3))
    assert verification.fold_accuracy(scores, same, folds) == pytest.approx((1 + 1 + 0.5) / 3)


@given(st.integers(20, 400), st.sampled_from((0.1, 0.05, 0.01)), st.integers(0, 9))
def test_threshold_keeps_the_rate(count: int, rate: float, seed: int) -> None:
    """At most the stated share of strangers reaches the threshold, and one more would be too many."""
    strangers = np.random.default_rng(seed).normal(size=count).astype(np.float32)
    threshold = verification.threshold_at(strangers, rate)
    assert (strangers >= threshold).mean() <= rate
    lower = np.sort(strangers)[::-1][int(rate * count)]
    assert (strangers >= lower).mean() > rate


def test_cross_scores_split_by_name() -> None:
    """Each pair of rows once, friends apart from strangers."""
    vectors = verification.unit(np.array(((1, 0), (1, 0.1), (0, 1)), np.float32))
    friends, strangers = verification.cross_scores(vectors, np.array(("a", "a", "b")))
    assert len(friends) == 1
    assert len(strangers) == 2
    assert friends[0] > strangers.max()


def test_enrolled_scores_leave_the_enrolled_photos_out() -> None:
    """Probes are compared with means of photos that they are not among."""
    draw = np.random.default_rng(0)
    centers = verification.unit(draw.normal(size=(3, 16)).astype(np.float32))
    subjects = np.repeat(np.array(("a", "b", "c")), (5, 4, 2))
    vectors = verification.unit(centers[np.repeat((0, 1, 2), (5, 4, 2))] + draw.normal(0, 0.02, (11, 16)).astype("f4"))
    friends, strangers = verification.enrolled_scores(vectors, subjects, photos=3)
    assert len(friends) == 2 + 1  # a has two photos left, b one; c is a stranger to both
    assert len(strangers) == 2 + 1 + 2 * 2
    assert friends.min() > strangers.max()
