"""dlib's ResNet: against dlib itself, and its file reader against damaged files."""

from __future__ import annotations

import os
from pathlib import Path

import dlib
import numpy as np
import pytest

from converters import conversion, dlib_resnet, trials
from converters.calibration import Faces
from converters.network import Network
from edge_fer.errors import SourceError
from edge_fer.tflite.model import Model


@pytest.fixture(scope="module")
def network() -> Network:
    """From the installed package."""
    return dlib_resnet.network(dlib_resnet.installed_file())


def test_float_is_dlibs_own(network: Network, portraits: Faces) -> None:
    """The same descriptors on the same chips, within 1e-4 (measured: 5e-7)."""
    original = dlib.face_recognition_model_v1(str(dlib_resnet.installed_file()))
    inputs = trials.Inputs(network, portraits.probe)
    theirs = np.array([original.compute_face_descriptor(np.ascontiguousarray(one[0])) for one in inputs])
    assert np.abs(trials.run_original(network, inputs) - theirs).max() < 1e-4


def test_int8_passes_its_gate_twice_with_the_same_bytes(network: Network, portraits: Faces, tmp_path: Path) -> None:
    """Raw bytes go in, 128 numbers come out, and a second run changes no bit."""
    trial = trials.FaceTrial(portraits, trials.embedding_judge(dlib_resnet.WORST_COSINE))
    first = conversion.convert([network], trial, tmp_path / "a", made_by="test")
    conversion.convert([network], trial, tmp_path / "b", made_by="test")
    assert (tmp_path / "a" / "identity.tflite").read_bytes() == (tmp_path / "b" / "identity.tflite").read_bytes()
    assert first.calibration_count == 2 * len(portraits.calibration)
    assert first.models[0].coverage.whole
    manifest = first.models[0].manifest
    assert manifest.macs == pytest.approx(271e6, rel=0.01)
    assert manifest.parity["cosine_mean"] > 0.999
    model = Model(tmp_path / "a" / "identity.tflite")
    assert model(np.zeros((2, 150, 150, 3), np.uint8))[0].shape == (2, 128)
    assert model._input["quantization"] == (1.0, -128)


@pytest.mark.parametrize("keep", [100, 5_000, 12_000_000, 22_466_000])
def test_a_cut_off_file_is_refused(tmp_path: Path, keep: int) -> None:
    """Wherever it ends."""
    path = tmp_path / "cut.dat"
    path.write_bytes(dlib_resnet.installed_file().read_bytes()[:keep])
    with pytest.raises(SourceError, match=r"cut\.dat: .*cut off: byte") as caught:
        dlib_resnet.network(path)
    assert caught.value.exit_code == 65


def test_another_network_is_refused() -> None:
    """dlib's face detector, from the same package."""
    path = dlib_resnet.installed_file().with_name("mmod_human_face_detector.dat")
    with pytest.raises(SourceError, match="loss_metric_2 expected"):
        dlib_resnet.network(path)


def test_something_else_is_refused(tmp_path: Path) -> None:
    """Random bytes; a file that is not there."""
    path = tmp_path / "noise.dat"
    path.write_bytes(np.random.default_rng(0).bytes(10_000))
    with pytest.raises(SourceError, match=r"noise\.dat"):
        dlib_resnet.network(path)
    with pytest.raises(SourceError, match=os.strerror(2)):
        dlib_resnet.network(tmp_path / "nowhere.dat")


def test_other_weights_are_named_as_such(tmp_path: Path) -> None:
    """One byte changed: it converts, but the manifest does not call it the published network."""
    content = bytearray(dlib_resnet.installed_file().read_bytes())
    content[2_000] ^= 1
    path = tmp_path / "other.dat"
    path.write_bytes(content)
    assert "other weights" in dlib_resnet.network(path).notes[0]
