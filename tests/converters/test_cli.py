"""``edge-fer-convert`` as a user runs it: results, exit codes, and that a failure changes nothing."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from converters import tflite
from converters.cli import INTERRUPTED, main
from converters.network import Network
from edge_fer.tflite import manifest as manifests
from tests.converters.conftest import SHIPPED

LABELS = "calm,happy,tired"


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    """A small emotion network."""
    keras.utils.set_random_seed(5)
    layers = [
        keras.layers.Input((48, 48, 1)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(8, 3, strides=2, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3, activation="softmax"),
    ]
    path = tmp_path / "model.keras"
    keras.Sequential(layers).save(path)
    return path


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A destination that holds a model already."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "emotion.tflite").write_bytes(b"good")
    return out


def untouched(out: Path) -> bool:
    return [path.name for path in out.iterdir()] == ["emotion.tflite"] and (
        out / "emotion.tflite"
    ).read_bytes() == b"good"


def convert(classifier: Path, out: Path, *more: str) -> int:
    return main(["emotion", str(classifier), "--labels", LABELS, "--scheme", "dynamic", "--out", str(out), *more])


def test_a_conversion_leaves_model_manifest_card_and_report(classifier: Path, good: Path, tmp_path: Path) -> None:
    """Exit code 0, a table on the screen, JSON where asked."""
    assert convert(classifier, good, "--json", str(tmp_path / "report.json")) == 0
    assert sorted(path.name for path in good.iterdir()) == ["emotion.json", "emotion.md", "emotion.tflite"]
    manifest = manifests.load(good / "emotion.tflite")
    assert manifest.made_by.startswith("edge-fer-convert emotion ")
    assert manifest.source.sha256 == manifests.sha256_of(classifier)
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["models"][0]["whole"] is True
    assert all(check["passed"] for check in report["checks"])


def test_missing_labels_are_said(classifier: Path, good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """65, one line and a hint, no traceback."""
    assert main(["emotion", str(classifier), "--out", str(good)]) == 65
    message = capsys.readouterr().err
    assert "model.json" in message
    assert "--labels" in message
    assert "Traceback" not in message
    assert untouched(good)


def test_a_folder_without_faces_is_said(
    classifier: Path, good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """73, how many faces were found and how many are needed."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for index in range(3):
        cv2.imwrite(str(photos / f"{index}.png"), np.full((100, 100, 3), 60 * index, np.uint8))
    assert convert(classifier, good, "--photos", str(photos)) == 73
    assert "0 faces found; at least 20" in capsys.readouterr().err
    assert untouched(good)


def test_a_folder_without_photos_is_said(
    classifier: Path, good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """65: nothing to look at."""
    (tmp_path / "empty").mkdir()
    assert convert(classifier, good, "--photos", str(tmp_path / "empty")) == 65
    assert "no photo" in capsys.readouterr().err
    assert untouched(good)


def test_a_full_disk_changes_nothing(
    classifier: Path, good: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """73, and the good model is still there."""

    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    assert convert(classifier, good) == 73
    monkeypatch.undo()
    assert "the disk is full" in capsys.readouterr().err
    assert untouched(good)


def test_an_interrupted_run_changes_nothing(
    classifier: Path, good: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """130 after Ctrl-C in the middle of a conversion."""

    def interrupted(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(tflite, "convert", interrupted)
    assert convert(classifier, good) == INTERRUPTED
    assert "no model was changed" in capsys.readouterr().err
    assert untouched(good)


def test_a_refused_model_shows_its_figures(
    classifier: Path, good: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """73; a converter that ruins a network is caught on real faces."""
    honest = tflite.convert

    def ruined(network: Network, samples: object = ()) -> bytes:
        other = keras.models.clone_model(network.keras)
        *rest, kernel, bias = network.keras.get_weights()
        other.set_weights([*rest, np.roll(kernel, 1, axis=1), np.roll(bias, 1)])  # every label becomes the next one
        return honest(replace(network, keras=other))

    monkeypatch.setattr(tflite, "convert", ruined)
    assert convert(classifier, good) == 73
    message = capsys.readouterr().err
    assert "label_agreement" in message
    assert "does not behave like the original" in message
    assert untouched(good)


@pytest.mark.parametrize("threshold", ["fmr_1e-3_single", "fmr_1e-3_single=far", "fmr_1e-3_single=1.5"])
def test_a_bad_threshold_is_refused(threshold: str, tmp_path: Path) -> None:
    """No number, or no cosine."""
    assert main(["dlib-resnet", "--out", str(tmp_path), "--threshold", threshold]) == 65


def test_pairs_need_their_photos(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both or none."""
    assert main(["dlib-resnet", "--out", str(tmp_path), "--pairs", "pairs.csv"]) == 65
    assert "--pair-photos" in capsys.readouterr().err


def test_vggface_without_a_file_explains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """65, with the published files and their license."""
    assert main(["vggface", "--out", str(tmp_path)]) == 65
    message = capsys.readouterr().err
    assert "non-commercial" in message
    assert "rcmalli_vggface_tf_notop_vgg16.h5" in message


def test_inspect_tells_and_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Facts as JSON; a model that is not its manifest's is 65."""
    assert main(["inspect", str(SHIPPED / "identity.tflite"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["xnnpack"] == "whole graph"
    assert facts["manifest"]["name"] == "dlib-resnet"
    for suffix in ("tflite", "json"):
        (tmp_path / f"rnet.{suffix}").write_bytes((SHIPPED / f"rnet.{suffix}").read_bytes())
    (tmp_path / "rnet.tflite").write_bytes((SHIPPED / "onet.tflite").read_bytes())
    assert main(["inspect", str(tmp_path / "rnet.tflite")]) == 65


def test_compare_needs_one_task(capsys: pytest.CaptureFixture[str]) -> None:
    """An identity model with itself agrees; with a detector it is refused."""
    identity = str(SHIPPED / "identity.tflite")
    assert main(["compare", identity, identity, "--calibrate", "20"]) == 0
    assert "cosine worst: 1.0000" in capsys.readouterr().out
    assert main(["compare", identity, str(SHIPPED / "rnet.tflite"), "--calibrate", "20"]) == 65
