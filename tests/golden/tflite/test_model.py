"""Real model files: loaded, run, and refused where they are not what their manifest says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_fer.config.schema import DEFAULT_MODELS
from edge_fer.errors import InferenceError, ModelError
from edge_fer.tflite import manifest as manifests
from edge_fer.tflite.model import Model

NAMES = ("pnet", "rnet", "onet", "identity", "emotion")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """rnet.tflite and its manifest in a folder of the test's own."""
    for suffix in (".tflite", ".json"):
        shutil.copy(DEFAULT_MODELS / f"rnet{suffix}", tmp_path)
    return tmp_path / "rnet.tflite"


def changed(model: Path, **fields: Any) -> None:
    path = model.with_suffix(".json")
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_model_loads_and_runs(name: str) -> None:
    """Bytes fit the manifest, the input fits, and outputs are real numbers."""
    model = Model(DEFAULT_MODELS / f"{name}.tflite")
    shape = [
        side if side > 0 else fallback
        for side, fallback in zip(model.manifest.input.shape, (1, 48, 64, 3), strict=True)
    ]
    outputs = model(np.full(shape, 127, np.uint8))
    assert all(output.dtype == np.float32 for output in outputs)
    assert model.invocations == 1
    assert model.invoke_s > 0


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_model_says_where_it_is_from(name: str) -> None:
    """Source, license, hash of the source, command."""
    stated = manifests.load(DEFAULT_MODELS / f"{name}.tflite")
    assert stated.source.license in {"MIT", "CC0-1.0", "Apache-2.0"}
    assert len(stated.source.sha256) == 64
    assert stated.made_by.startswith("edge-fer-convert")
    assert stated.size_bytes == (DEFAULT_MODELS / f"{name}.tflite").stat().st_size


def test_the_batch_may_change() -> None:
    """Each crop's result is the same alone and among others, within float noise."""
    model = Model(DEFAULT_MODELS / "onet.tflite")
    crops = np.random.default_rng(0).integers(0, 256, (5, 48, 48, 3), np.uint8)
    together = model(crops)[0].reshape(5, -1)
    alone = np.stack([model(crop[None])[0].reshape(-1) for crop in crops])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_bytes_and_floats_of_the_same_pixels_give_the_same() -> None:
    """The shortcut for raw bytes into int8 changes nothing."""
    model = Model(DEFAULT_MODELS / "identity.tflite")
    crop = np.random.default_rng(0).integers(0, 256, (1, 150, 150, 3), np.uint8)
    np.testing.assert_array_equal(model(crop)[0], model(crop.astype(np.float32))[0])


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    """Path and what to do."""
    with pytest.raises(ModelError, match=r"none\.tflite: no such file") as caught:
        Model(tmp_path / "none.tflite")
    assert "models.dir" in caught.value.hint


def test_a_model_without_a_manifest_is_refused(copied: Path) -> None:
    """The daemon runs nothing that does not say what it is."""
    copied.with_suffix(".json").unlink()
    with pytest.raises(ModelError, match=r"rnet\.json: no such file"):
        Model(copied)


def test_changed_bytes_are_refused(copied: Path) -> None:
    """One bit is enough."""
    content = bytearray(copied.read_bytes())
    content[len(content) // 2] ^= 1
    copied.write_bytes(content)
    with pytest.raises(ModelError, match="sha256"):
        Model(copied)


def test_a_file_that_is_no_model_is_refused(copied: Path) -> None:
    """Even where its hash is right."""
    copied.write_bytes(b"no model at all" * 100)
    changed(copied, sha256=manifests.sha256_of(copied))
    with pytest.raises(ModelError, match="the runtime cannot load it"):
        Model(copied)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"schema": "edge_fer.manifest/9"}, "schema"),
        ({"sha256": "abc"}, "sha256"),
        ({"file": "onet.tflite"}, "describes onet.tflite"),
        ({"input": {"shape": [1, 24, 24, 1], "color": "rgb"}}, "color rgb does not go with 1 channels"),
        ({"input": {"shape": [1, 32, 32, 3], "color": "rgb"}}, "its manifest says"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(copied: Path, fields: dict[str, Any], told: str) -> None:
    """Each contradiction is named."""
    changed(copied, **fields)
    with pytest.raises(ModelError) as caught:
        Model(copied)
    assert told in str(caught.value)


def test_a_manifest_that_is_no_json_is_refused(copied: Path) -> None:
    """A truncated copy."""
    path = copied.with_suffix(".json")
    path.write_text(path.read_text()[:100])
    with pytest.raises(ModelError, match=r"rnet\.json"):
        Model(copied)


def test_what_is_written_is_loaded(copied: Path) -> None:
    """A manifest survives the round trip."""
    stated = manifests.load(copied)
    manifests.write(stated, copied)
    assert manifests.load(copied) == stated


def test_a_crop_of_the_wrong_size_is_refused() -> None:
    """An InferenceError that names the model, not a crash inside the runtime."""
    with pytest.raises(InferenceError, match=r"rnet\.tflite"):
        Model(DEFAULT_MODELS / "rnet.tflite")(np.zeros((1, 7, 24, 1), np.uint8))


def test_not_a_number_is_refused() -> None:
    """NaN in, error out: it never reaches a label."""
    model = Model(DEFAULT_MODELS / "pnet.tflite")
    with pytest.raises(InferenceError, match="not a number"):
        model(np.full((1, 24, 24, 3), np.nan, np.float32))
