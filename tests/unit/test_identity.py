"""Votes against a gallery: known, unknown, pending, abstain; and what one vote may cost."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_fer.config import IdentityConfig
from edge_fer.errors import ModelError
from edge_fer.gallery import Gallery
from edge_fer.identity import Ballot, Embedder, Matcher
from edge_fer.manifest import Manifest
from edge_fer.types import IdentityState
from tests.manifests import identity_manifest

ANNA, BELA = np.eye(2, 4, dtype=np.float32)


def between(share_of_bela: float) -> NDArray[np.float32]:
    """A probe of length 1 between the two."""
    probe = (1 - share_of_bela) * ANNA + share_of_bela * BELA
    return np.asarray(probe / np.linalg.norm(probe), np.float32)


def matcher(config: IdentityConfig | None = None, *photos: int) -> Matcher:
    gallery = Gallery("0" * 64)
    for name, vector, count in zip(("anna", "bela"), (ANNA, BELA), photos or (1, 1), strict=False):
        gallery = gallery.enrolled(name, np.tile(vector, (count, 1)))
    return Matcher(gallery, identity_manifest(), config or IdentityConfig())


def after(judge: Matcher, *probes: NDArray[np.float32]) -> Ballot:
    ballot = judge.current(Ballot())
    for number, probe in enumerate(probes):
        ballot = judge.cast(ballot, probe, float(number))
    return ballot


def test_somebody_enrolled_is_known_after_three_votes() -> None:
    """Not before: one lucky crop names nobody."""
    judge = matcher()
    assert judge.decide(after(judge, ANNA, ANNA)).state is IdentityState.PENDING
    answer = judge.decide(after(judge, ANNA, ANNA, ANNA))
    assert (answer.state, answer.subject, answer.votes) == (IdentityState.KNOWN, "anna", 3)
    assert answer.similarity == pytest.approx(1)
    assert answer.margin == pytest.approx(1)


def test_nobody_is_matched_who_was_not_enrolled() -> None:
    """A stranger stays unknown, and no name is told, however close the nearest is below the threshold."""
    judge = matcher()
    stranger = np.array((0, 0, 1, 0), np.float32)
    answer = judge.decide(after(judge, *[stranger] * 12))
    assert (answer.state, answer.subject) == (IdentityState.UNKNOWN, None)


def test_an_empty_gallery_asks_for_no_votes() -> None:
    """With nobody enrolled everybody is unknown, at no cost."""
    judge = Matcher(Gallery("0" * 64), identity_manifest(), IdentityConfig())
    ballot = judge.current(Ballot())
    assert judge.urgency(ballot, 0) == 0
    assert judge.decide(ballot).state is IdentityState.UNKNOWN


def test_between_two_people_nobody_is_named() -> None:
    """Both are alike enough, but neither is clearly nearer."""
    judge = matcher(IdentityConfig(threshold=0.5, min_margin=0.05))
    assert judge.decide(after(judge, *[between(0.5)] * 3)).state is IdentityState.UNKNOWN
    assert judge.decide(after(judge, *[between(0.3)] * 3)).subject == "anna"


def test_the_threshold_of_a_mean_is_higher() -> None:
    """Who is enrolled from several photos needs the threshold that was measured for means."""
    probe = np.array((0.93, 0, np.sqrt(1 - 0.93**2), 0), np.float32)  # between 0.925 (single) and 0.935 (mean)
    for photos, state in ((1, IdentityState.KNOWN), (3, IdentityState.UNKNOWN)):
        judge = matcher(None, photos)
        assert judge.decide(after(judge, probe, probe, probe)).state is state


def test_the_budget_of_attempts_ends() -> None:
    """Unknown people cost twelve embeddings, known ones three, and never two within the interval."""
    judge = matcher()
    stranger = np.array((0, 0, 1, 0), np.float32)
    assert judge.urgency(after(judge, stranger), 100) == Matcher.NEW
    assert judge.urgency(after(judge, *[stranger] * 11), 100) == Matcher.DOUBTFUL
    assert judge.urgency(after(judge, *[stranger] * 12), 100) == 0
    assert judge.urgency(after(judge, *[ANNA] * 3), 100) == 0
    ballot = after(judge, stranger)
    assert judge.urgency(ballot, 0.05) == 0
    assert judge.urgency(ballot, 0.15) == Matcher.NEW


def test_poor_crops_only_give_abstain() -> None:
    """No vote because every crop was too poor: said so; with votes, the votes speak."""
    judge = matcher()
    assert judge.decide(judge.current(Ballot()), "blurred").state is IdentityState.ABSTAIN
    assert judge.decide(judge.current(Ballot())).state is IdentityState.PENDING
    assert judge.decide(after(judge, ANNA, ANNA, ANNA), "blurred").subject == "anna"


def test_another_gallery_asks_everybody_again() -> None:
    """Who is erased while present is not named any more."""
    judge = matcher()
    ballot = after(judge, ANNA, ANNA, ANNA)
    judge.use(Gallery("0" * 64).enrolled("bela", BELA[None]))
    assert judge.decide(judge.current(ballot)).state is IdentityState.PENDING
    assert judge.current(ballot).votes == 0


def test_a_model_without_thresholds_is_refused() -> None:
    """A threshold is a model's property: without a measured one nobody is matched."""

    class Fake:
        manifest: Manifest = identity_manifest().model_copy(update={"thresholds": {}})

    with pytest.raises(ModelError, match="lacks the thresholds fmr_1e-3_mean, fmr_1e-3_single"):
        Embedder(Fake())  # type: ignore[arg-type]
