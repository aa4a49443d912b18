"""What ships is what its weights give, and does what the project says it does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from converters import conversion
from converters.cli import main
from converters.mtcnn import STAGES, networks
from converters.mtcnn_files import read
from converters.parity import Check
from converters.trials import Verdict
from edge_fer.tflite import manifest as manifests
from edge_fer.tflite.manifest import Manifest
from tests.converters.conftest import SHIPPED

DATA = Path(os.environ.get("EDGE_FER_DATA", SHIPPED.parents[1] / "shared" / "data"))

needs_data = pytest.mark.skipif(
    not (DATA / "lfw" / "calibration.zip").is_file(), reason="the calibration photos are not here (EDGE_FER_DATA)"
)


class NoTrial:
    """Accepts anything: the bytes are compared, not the behavior."""

    origin, probe_count = "none", 0

    def samples(self, network: object) -> tuple[()]:
        """None: nothing here is in 8 bits."""
        return ()

    def verdict(self, networks: object, folder: object) -> Verdict:
        """All is well."""
        return Verdict((Check("none", 1, "min", 1, "test"),))


def shipped(name: str) -> Manifest:
    """The manifest of a model that ships, whose bytes fit."""
    return manifests.load(SHIPPED / f"{name}.tflite")


def test_the_detector_is_rebuilt_to_the_bit(tmp_path: Path) -> None:
    """The package's weights give the very files that ship."""
    conversion.convert(networks(read(None)), NoTrial(), tmp_path, made_by="test")
    for stem in STAGES:
        assert (tmp_path / f"{stem}.tflite").read_bytes() == (SHIPPED / f"{stem}.tflite").read_bytes()


@needs_data
def test_the_identity_model_is_rebuilt_to_the_bit(tmp_path: Path) -> None:
    """With the same photos for calibration."""
    photos = str(DATA / "lfw" / "calibration.zip")
    assert main(["dlib-resnet", "--photos", photos, "--out", str(tmp_path)]) == 0
    assert (tmp_path / "identity.tflite").read_bytes() == (SHIPPED / "identity.tflite").read_bytes()


def test_the_detector_finds_what_its_float_self_finds() -> None:
    """At least 99.5 % on LFW and on groups; 98.5 % of what the package finds; 3 px on the reference photo."""
    quality = shipped("onet").quality
    assert quality["found_of_float_lfw"] >= 0.995
    assert quality["found_of_float_groups"] >= 0.995
    assert quality["found_of_package"] >= 0.985
    assert quality["reference_box_px"] <= 3
    assert quality["reference_landmarks_px"] <= 3


def test_the_identity_model_keeps_what_float_can() -> None:
    """Within 0.2 points of float on labeled pairs, no face further than 0.998 from it; measured, not hoped for."""
    manifest = shipped("identity")
    assert manifest.quality["accuracy_single"] >= manifest.quality["accuracy_single_float"] - 0.002
    assert manifest.quality["accuracy_flip"] >= 0.991
    assert manifest.quality["cosine_to_float_worst"] >= 0.998
    assert manifest.quantization.calibration_count >= 300
    assert set(manifest.thresholds) >= {"fmr_1e-3_single", "fmr_1e-3_mean", "fmr_1e-4_single", "fmr_1e-4_mean"}


def test_the_emotion_model_keeps_its_labels() -> None:
    """98 % of the labels, half a point of accuracy."""
    manifest = shipped("emotion")
    assert manifest.parity["label_agreement_labeled"] >= 0.98
    assert manifest.parity["accuracy_loss_points"] <= 0.5
    assert manifest.source.sha256 == manifests.sha256_of(SHIPPED / "emotion_arch.h5")
