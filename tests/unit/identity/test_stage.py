"""The identity stage: urgency, run and conclude on the evidence of one track, and a change of the gallery."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_fer.config.schema import IdentityConfig
from edge_fer.domain.faces import IdentityState
from edge_fer.domain.geometry import Landmarks, Point
from edge_fer.identity.closed_set import ClosedSetClassifier
from edge_fer.identity.embedder import Embedder
from edge_fer.identity.gallery import Gallery
from edge_fer.identity.matcher import IdentityEvidence, Matcher
from edge_fer.identity.stage import IdentityStage
from tests.manifests import identity_manifest
from tests.unit.identity.fakes import FixedOutput, closed_set_head

RGB = np.zeros((100, 100, 3), np.uint8)
LANDMARKS = Landmarks(Point(30, 40), Point(70, 40), Point(50, 60), Point(35, 80), Point(65, 80))
ANNA, BELA = np.eye(2, 4, dtype=np.float32)
GALLERY = Gallery(identity_manifest().sha256).enrolled("anna", ANNA[None])


def make_stage(*embedding: float, head: ClosedSetClassifier | None = None) -> IdentityStage:
    """A stage whose model gives this embedding for every face."""
    model: Any = FixedOutput(identity_manifest(), *embedding)
    return IdentityStage(Embedder(model), IdentityConfig(), head)


def run(stage: IdentityStage, count: int) -> IdentityEvidence:
    """The evidence after so many crops, a second apart."""
    evidence = IdentityEvidence()
    for number in range(count):
        evidence = stage.run(evidence, RGB, LANDMARKS, float(number))
    return evidence


def test_until_it_has_a_gallery_nobody_is_known() -> None:
    """And no embedding is worth its cost."""
    stage = make_stage(1, 0, 0, 0)
    assert stage.urgency(IdentityEvidence(), 0.0, sharpness=0.9) == 0
    assert stage.conclude(IdentityEvidence(), None).state is IdentityState.UNKNOWN


def test_an_enrolled_person_is_recognized() -> None:
    """After three crops; then no further embedding is needed."""
    stage = make_stage(1, 0, 0, 0)
    stage.use_gallery(GALLERY)
    identity = stage.conclude(run(stage, 3), None)
    assert (identity.state, identity.subject) == (IdentityState.KNOWN, "anna")
    assert stage.urgency(run(stage, 3), 100.0, sharpness=0.9) == 0


def test_the_sharper_of_two_crops_goes_first() -> None:
    """By less than what separates new faces from doubtful ones."""
    stage = make_stage(1, 0, 0, 0)
    stage.use_gallery(GALLERY)
    sharp, blurred = (stage.urgency(IdentityEvidence(), 0.0, sharpness=value) for value in (0.9, 0.2))
    assert sharp == pytest.approx(Matcher.NEW + 0.9)
    assert blurred > Matcher.DOUBTFUL + 1


def test_a_rejected_crop_without_evidence_abstains() -> None:
    """Until a crop is good enough."""
    stage = make_stage(1, 0, 0, 0)
    stage.use_gallery(GALLERY)
    assert stage.conclude(IdentityEvidence(), "blurred").state is IdentityState.ABSTAIN


def test_another_gallery_changes_the_answer() -> None:
    """A removed person is not recognized, an added one is, from new evidence."""
    stage = make_stage(1, 0, 0, 0)
    stage.use_gallery(GALLERY.without("anna").enrolled("bela", BELA[None]))
    assert stage.conclude(run(stage, 3), None).state is IdentityState.UNKNOWN
    stage.use_gallery(GALLERY)
    assert stage.conclude(run(stage, 3), None).subject == "anna"


def test_the_track_keeps_its_own_evidence() -> None:
    """A run returns new evidence and leaves the one given as it was."""
    stage, before = make_stage(1, 0, 0, 0), IdentityEvidence()
    assert stage.run(before, RGB, LANDMARKS, 1.0).votes == 1
    assert before.votes == 0


def test_its_models() -> None:
    """The embedder, and the head where there is one."""
    assert [model.manifest.task for model in make_stage(1).models] == ["identity"]
    with_head = make_stage(1, 0, 0, 0, head=closed_set_head(0, 20))
    assert [model.manifest.task for model in with_head.models] == ["identity", "face-classifier"]
    assert with_head.conclude(run(with_head, 3), None).subject == "dora"
