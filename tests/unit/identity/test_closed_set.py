"""The closed-set head: which models are accepted, and what it returns."""

from __future__ import annotations

import numpy as np
import pytest

from edge_fer.errors import ModelError
from tests.manifests import head_manifest, identity_manifest
from tests.unit.identity.fakes import closed_set_head

EMBEDDING = np.eye(1, 4, dtype=np.float32)[0]


def test_logits_become_probabilities_of_its_people() -> None:
    """In the order of their names, summing to 1."""
    head = closed_set_head(0, 2)
    assert head.names == ("cleo", "dora")
    np.testing.assert_allclose(head.classify(EMBEDDING), (1 / (1 + np.exp(2)), 1 / (1 + np.exp(-2))), rtol=1e-6)


def test_a_head_of_another_embedder_is_refused() -> None:
    """Embeddings of two models do not compare."""
    with pytest.raises(ModelError, match="made for embeddings of vggface, not of fake-identity"):
        closed_set_head(0, 1, manifest=head_manifest("cleo", "dora", embedder="vggface"))


def test_another_kind_of_model_is_refused() -> None:
    """An identity model in its place is named."""
    with pytest.raises(ModelError, match=r"identity\.tflite: not a face classifier"):
        closed_set_head(0, 1, manifest=identity_manifest())


def test_names_and_outputs_must_match_in_number() -> None:
    """Three outputs and two names give no name."""
    with pytest.raises(ModelError, match="has 3 outputs but its manifest lists 2 labels"):
        closed_set_head(0, 1, 2).classify(EMBEDDING)
