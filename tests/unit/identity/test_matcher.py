"""Votes against a gallery: known, unknown, pending, abstain; and what one vote may cost."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_fer.config.schema import IdentityConfig
from edge_fer.domain.faces import IdentityState
from edge_fer.errors import ModelError
from edge_fer.identity.closed_set import ClosedSetClassifier
from edge_fer.identity.embedder import Embedder
from edge_fer.identity.gallery import Gallery
from edge_fer.identity.matcher import IdentityEvidence, Matcher
from edge_fer.tflite.manifest import Manifest
from tests.manifests import head_manifest, identity_manifest

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


def after(judge: Matcher, *probes: NDArray[np.float32]) -> IdentityEvidence:
    evidence = judge.reset_if_gallery_changed(IdentityEvidence())
    for number, probe in enumerate(probes):
        evidence = judge.add(evidence, probe, float(number))
    return evidence


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
    evidence = judge.reset_if_gallery_changed(IdentityEvidence())
    assert judge.urgency(evidence, 0) == 0
    assert judge.decide(evidence).state is IdentityState.UNKNOWN


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
    evidence = after(judge, stranger)
    assert judge.urgency(evidence, 0.05) == 0
    assert judge.urgency(evidence, 0.15) == Matcher.NEW


def test_poor_crops_only_give_abstain() -> None:
    """No vote because every crop was too poor: said so; with votes, the votes speak."""
    judge = matcher()
    assert judge.decide(judge.reset_if_gallery_changed(IdentityEvidence()), "blurred").state is IdentityState.ABSTAIN
    assert judge.decide(judge.reset_if_gallery_changed(IdentityEvidence())).state is IdentityState.PENDING
    assert judge.decide(after(judge, ANNA, ANNA, ANNA), "blurred").subject == "anna"


def test_another_gallery_asks_everybody_again() -> None:
    """Who is erased while present is not named any more."""
    judge = matcher()
    evidence = after(judge, ANNA, ANNA, ANNA)
    judge.use(Gallery("0" * 64).enrolled("bela", BELA[None]))
    assert judge.decide(judge.reset_if_gallery_changed(evidence)).state is IdentityState.PENDING
    assert judge.reset_if_gallery_changed(evidence).votes == 0


def test_a_model_without_thresholds_is_refused() -> None:
    """A threshold is a model's property: without a measured one nobody is matched."""

    class Fake:
        manifest: Manifest = identity_manifest().model_copy(update={"thresholds": {}})

    with pytest.raises(ModelError, match="lacks the thresholds fmr_1e-3_mean, fmr_1e-3_single"):
        Embedder(Fake())  # type: ignore[arg-type]


def head(*logits: float, manifest: Manifest | None = None) -> ClosedSetClassifier:
    """A head that gives these logits to whomever it sees; its people are Cleo and Dora."""

    class Scripted:
        def __init__(self) -> None:
            self.manifest = manifest or head_manifest("cleo", "dora")

        def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
            assert batch.shape == (1, 1, 1, 4)
            return (np.array([logits], np.float32),)

    return ClosedSetClassifier(Scripted(), identity_manifest())  # type: ignore[arg-type]


def beside(closed_set: ClosedSetClassifier, gallery: Gallery | None = None) -> Matcher:
    enrolled = gallery if gallery is not None else Gallery("0" * 64).enrolled("anna", ANNA[None])
    return Matcher(enrolled, identity_manifest(), IdentityConfig(), closed_set)


def test_the_gallery_speaks_before_the_head() -> None:
    """Somebody enrolled keeps the enrolled name, however sure the head is of another."""
    assert beside(head(0, 20)).decide(after(beside(head(0, 20)), ANNA, ANNA, ANNA)).subject == "anna"


def test_a_sure_head_names_whom_the_gallery_does_not_know() -> None:
    """After the same number of votes, with the gallery's similarity beside it."""
    judge = beside(head(0, 20))
    assert judge.decide(after(judge, BELA, BELA)).state is IdentityState.PENDING
    answer = judge.decide(after(judge, BELA, BELA, BELA))
    assert (answer.state, answer.subject, answer.votes) == (IdentityState.KNOWN, "dora", 3)
    assert answer.similarity == pytest.approx(0)


def test_an_unsure_head_names_nobody() -> None:
    """Nine in ten is not enough for a head that knows no strangers."""
    judge = beside(head(0, 2.2))
    assert judge.decide(after(judge, BELA, BELA, BELA)).state is IdentityState.UNKNOWN


def test_a_head_works_with_nobody_enrolled() -> None:
    """Votes are asked for, and no similarity is made up."""
    judge = beside(head(20, 0), Gallery("0" * 64))
    assert judge.urgency(judge.reset_if_gallery_changed(IdentityEvidence()), 0) == Matcher.NEW
    answer = judge.decide(after(judge, BELA, BELA, BELA))
    assert (answer.subject, answer.similarity) == ("cleo", None)


def test_a_head_of_another_embedder_is_refused() -> None:
    """Its numbers would mean nothing."""
    with pytest.raises(ModelError, match="made for embeddings of vggface, not of fake-identity"):
        head(0, 1, manifest=head_manifest("cleo", "dora", embedder="vggface"))


def test_a_head_that_is_none_is_refused() -> None:
    """An identity model in its place is named."""
    with pytest.raises(ModelError, match="is no face classifier"):
        head(0, 1, manifest=identity_manifest())


def test_names_and_outputs_of_a_head_must_match() -> None:
    """Three numbers for two names never give a name."""
    judge = beside(head(0, 1, 2))
    with pytest.raises(ModelError, match="gives 3 numbers for 2 names"):
        after(judge, BELA)
