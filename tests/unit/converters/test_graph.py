"""What the delegate takes, and what the shipped models cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters import graph
from edge_fer.errors import ConversionError
from edge_fer.tflite import manifest as manifests

MODELS = Path(__file__).parents[3] / "models"
SHIPPED = sorted(path.name for path in MODELS.glob("*.tflite"))


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_models_are_taken_whole(name: str) -> None:
    """One partition, nothing outside; the manifest states the true size and cost."""
    found = graph.coverage(MODELS / name)
    manifest = manifests.load(MODELS / name)
    assert found.whole
    assert found.partitions == 1
    assert manifest.macs == (0 if -1 in manifest.input.shape[1:] else found.macs)
    assert manifest.size_bytes == (MODELS / name).stat().st_size


def test_mtcnn_costs_what_is_known() -> None:
    """1.53 and 12.9 million multiply-accumulates a candidate (design notes)."""
    assert graph.coverage(MODELS / "rnet.tflite").macs == pytest.approx(1.53e6, rel=0.01)
    assert graph.coverage(MODELS / "onet.tflite").macs == pytest.approx(12.9e6, rel=0.01)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    """With the run time's own first line."""
    path = tmp_path / "noise.tflite"
    path.write_bytes(b"noise" * 100)
    with pytest.raises(ConversionError, match=r"noise\.tflite"):
        graph.coverage(path)


def part(inputs: list[int], outputs: list[int]) -> dict[str, object]:
    return {"op_name": "DELEGATE", "inputs": inputs, "outputs": outputs}


def test_a_part_that_starts_late_is_not_the_whole() -> None:
    """Tensor 0 goes in, 5 comes out; an operator computes 2 first."""
    outside = {"op_name": "PRELU", "inputs": [0], "outputs": [2]}
    inside = {"op_name": "CONV_2D", "inputs": [2], "outputs": [5]}
    assert graph._spans(part([0, 1], [5]), [inside, part([0, 1], [5])], {0}, {5})
    assert not graph._spans(part([2, 1], [5]), [outside, inside, part([2, 1], [5])], {0}, {5})
    assert not graph._spans(part([0, 1], [4]), [inside, part([0, 1], [4])], {0}, {5})


def test_parts_are_refused_with_the_operators() -> None:
    """So that one sees which of them is the culprit."""
    found = graph.Coverage([], [], {"CONV_2D": 2, "PRELU": 1}, 10, 2, whole=False)
    with pytest.raises(ConversionError, match=r"2 parts.*2 CONV_2D, 1 PRELU") as caught:
        graph.require_whole("x.tflite", found)
    assert "--allow-partial" in caught.value.hint
