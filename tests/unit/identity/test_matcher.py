"""Embeddings against a gallery: known, unknown, pending, abstain; and how urgent the next embedding is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_fer.config.schema import IdentityConfig
from edge_fer.domain.faces import IdentityState
from edge_fer.identity.closed_set import ClosedSetClassifier
from edge_fer.identity.gallery import Gallery
from edge_fer.identity.matcher import IdentityEvidence, Matcher
from tests.manifests import identity_manifest
from tests.unit.identity.fakes import closed_set_head

ANNA, BELA = np.eye(2, 4, dtype=np.float32)
IMPOSTOR = np.array((0, 0, 1, 0), np.float32)
EMPTY_GALLERY = Gallery("0" * 64)


def between(share_of_bela: float) -> NDArray[np.float32]:
    """An embedding of length 1 between the two."""
    probe = (1 - share_of_bela) * ANNA + share_of_bela * BELA
    return np.asarray(probe / np.linalg.norm(probe), np.float32)


def make_matcher(config: IdentityConfig | None = None, *photos: int) -> Matcher:
    """A matcher for anna and bela, each enrolled from so many photos (1)."""
    gallery = EMPTY_GALLERY
    for name, vector, count in zip(("anna", "bela"), (ANNA, BELA), photos or (1, 1), strict=False):
        gallery = gallery.enrolled(name, np.tile(vector, (count, 1)))
    return Matcher(gallery, identity_manifest(), config or IdentityConfig())


def evidence_of(matcher: Matcher, *embeddings: NDArray[np.float32]) -> IdentityEvidence:
    """The evidence after these embeddings, a second apart."""
    evidence = IdentityEvidence()
    for number, embedding in enumerate(embeddings):
        evidence = matcher.add(evidence, embedding, float(number))
    return evidence


def test_an_enrolled_person_is_known_after_three_votes() -> None:
    """Not before: one lucky crop gives no name."""
    matcher = make_matcher()
    assert matcher.decide(evidence_of(matcher, ANNA, ANNA)).state is IdentityState.PENDING
    identity = matcher.decide(evidence_of(matcher, ANNA, ANNA, ANNA))
    assert (identity.state, identity.subject, identity.votes) == (IdentityState.KNOWN, "anna", 3)
    assert identity.similarity == pytest.approx(1)
    assert identity.margin == pytest.approx(1)


def test_nobody_is_matched_who_is_not_enrolled() -> None:
    """An impostor stays unknown, and no name is given."""
    matcher = make_matcher()
    identity = matcher.decide(evidence_of(matcher, *[IMPOSTOR] * 12))
    assert (identity.state, identity.subject) == (IdentityState.UNKNOWN, None)


def test_an_empty_gallery_needs_no_embeddings() -> None:
    """With nobody enrolled everybody is unknown, at no cost."""
    matcher = Matcher(EMPTY_GALLERY, identity_manifest(), IdentityConfig())
    assert matcher.urgency(IdentityEvidence(), 0) == 0
    assert matcher.decide(IdentityEvidence()).state is IdentityState.UNKNOWN


def test_between_two_people_no_name_is_given() -> None:
    """Both are similar enough, but neither leads clearly."""
    matcher = make_matcher(IdentityConfig(threshold=0.5, min_margin=0.05))
    assert matcher.decide(evidence_of(matcher, *[between(0.5)] * 3)).state is IdentityState.UNKNOWN
    assert matcher.decide(evidence_of(matcher, *[between(0.3)] * 3)).subject == "anna"


def test_the_threshold_of_a_mean_is_higher() -> None:
    """A person enrolled from several photos needs the threshold that was measured for means."""
    embedding = np.array((0.93, 0, np.sqrt(1 - 0.93**2), 0), np.float32)  # between 0.925 (single) and 0.935 (mean)
    for photos, state in ((1, IdentityState.KNOWN), (3, IdentityState.UNKNOWN)):
        matcher = make_matcher(None, photos)
        assert matcher.decide(evidence_of(matcher, *[embedding] * 3)).state is state


def test_the_number_of_attempts_is_limited() -> None:
    """Unknown people cost twelve embeddings, known ones three, and never two within the interval."""
    matcher = make_matcher()
    assert matcher.urgency(evidence_of(matcher, IMPOSTOR), 100) == Matcher.NEW
    assert matcher.urgency(evidence_of(matcher, *[IMPOSTOR] * 11), 100) == Matcher.DOUBTFUL
    assert matcher.urgency(evidence_of(matcher, *[IMPOSTOR] * 12), 100) == 0
    assert matcher.urgency(evidence_of(matcher, *[ANNA] * 3), 100) == 0
    evidence = evidence_of(matcher, IMPOSTOR)
    assert matcher.urgency(evidence, 0.05) == 0
    assert matcher.urgency(evidence, 0.15) == Matcher.NEW


def test_only_rejected_crops_give_abstain() -> None:
    """Without votes; with votes, these decide."""
    matcher = make_matcher()
    assert matcher.decide(IdentityEvidence(), "blurred").state is IdentityState.ABSTAIN
    assert matcher.decide(IdentityEvidence()).state is IdentityState.PENDING
    assert matcher.decide(evidence_of(matcher, ANNA, ANNA, ANNA), "blurred").subject == "anna"


def matcher_with_head(head: ClosedSetClassifier, gallery: Gallery | None = None) -> Matcher:
    """A matcher with this head, for anna by default."""
    enrolled = gallery if gallery is not None else EMPTY_GALLERY.enrolled("anna", ANNA[None])
    return Matcher(enrolled, identity_manifest(), IdentityConfig(), head)


def test_the_gallery_goes_before_the_head() -> None:
    """An enrolled person keeps the enrolled name, however sure the head is of another one."""
    matcher = matcher_with_head(closed_set_head(0, 20))
    assert matcher.decide(evidence_of(matcher, ANNA, ANNA, ANNA)).subject == "anna"


def test_a_sure_head_names_a_face_that_the_gallery_does_not_know() -> None:
    """After the same number of votes, with the gallery's similarity."""
    matcher = matcher_with_head(closed_set_head(0, 20))
    assert matcher.decide(evidence_of(matcher, BELA, BELA)).state is IdentityState.PENDING
    identity = matcher.decide(evidence_of(matcher, BELA, BELA, BELA))
    assert (identity.state, identity.subject, identity.votes) == (IdentityState.KNOWN, "dora", 3)
    assert identity.similarity == pytest.approx(0)


def test_an_unsure_head_gives_no_name() -> None:
    """0.9 is not enough for a head that cannot answer "unknown"."""
    matcher = matcher_with_head(closed_set_head(0, 2.2))
    assert matcher.decide(evidence_of(matcher, BELA, BELA, BELA)).state is IdentityState.UNKNOWN


def test_a_head_works_with_nobody_enrolled() -> None:
    """Embeddings are needed, and there is no similarity."""
    matcher = matcher_with_head(closed_set_head(20, 0), EMPTY_GALLERY)
    assert matcher.urgency(IdentityEvidence(), 0) == Matcher.NEW
    identity = matcher.decide(evidence_of(matcher, BELA, BELA, BELA))
    assert (identity.subject, identity.similarity) == ("cleo", None)
