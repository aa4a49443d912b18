"""Emotion classifiers: contracts from options and sidecars, conversion end to end, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from converters import conversion, emotion, trials
from converters.calibration import Faces
from converters.emotion import Contract
from converters.labeled import LabeledTrial
from edge_fer.emotion.classifier import EmotionClassifier
from edge_fer.errors import SourceError
from edge_fer.tflite.model import Model

LABELS = ("calm", "happy", "tired")


def classifier(side: int = 48, channels: int = 1, outputs: int = 3) -> keras.Model:
    """Small, seeded, with a flatten whose batch would be dynamic."""
    keras.utils.set_random_seed(5)
    pixels = keras.Input((side, side, channels), name="picture")
    x = keras.layers.Rescaling(1 / 255)(pixels)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(x)
    x = keras.layers.Conv2D(16, 3, strides=2, activation="relu")(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(pixels, keras.layers.Dense(outputs, activation="softmax")(x))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A classifier as a file."""
    path = tmp_path / "my_emotion.keras"
    classifier().save(path)
    return path


def test_a_classifier_runs_in_the_pipeline(saved: Path, portraits: Faces, tmp_path: Path) -> None:
    """8 bits, whole in the delegate in spite of its flatten, accepted by the daemon's own stage."""
    network = emotion.network(saved, Contract(labels=LABELS))
    trial = trials.FaceTrial(portraits, trials.classifier_judge)
    report = conversion.convert([network], trial, tmp_path / "out", made_by="test")
    assert report.models[0].coverage.whole
    manifest = report.models[0].manifest
    assert (manifest.input.shape, manifest.input.color) == ((1, 48, 48, 1), "gray")
    assert (manifest.output.kind, manifest.output.labels) == ("logits", LABELS)
    assert "label_agreement" in manifest.parity  # 14 faces: the gate has judged them
    from edge_fer.config.schema import EmotionConfig  # noqa: PLC0415

    stage = EmotionClassifier(Model(tmp_path / "out" / "emotion.tflite"), EmotionConfig(labels="all"))
    scores = stage.classify(portraits.probe[0].rgb, portraits.probe[0].landmarks)
    assert scores.shape == (3,)
    assert scores.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("scheme", ["float32", "float16", "dynamic", "int8"])
def test_every_scheme_behaves(saved: Path, portraits: Faces, tmp_path: Path, scheme: Any) -> None:
    """Each is whole in the delegate and passes its gate."""
    network = emotion.network(saved, Contract(labels=LABELS), scheme=scheme)
    report = conversion.convert(
        [network], trials.FaceTrial(portraits, trials.classifier_judge), tmp_path / scheme, made_by="test"
    )
    assert report.models[0].coverage.whole
    assert report.models[0].manifest.quantization.scheme == scheme
    assert bool(report.calibration_count) is (scheme == "int8")


def test_a_sidecar_says_the_rest(saved: Path) -> None:
    """Labels, crop, temperature and thresholds beside the model."""
    landmarks = [[15, 18], [33, 18], [24, 27], [17, 36], [31, 36]]
    sidecar = saved.with_suffix(".json")
    sidecar.write_text(
        json.dumps(
            {
                "labels": LABELS,
                "input": {"color": "gray", "mean": [127.5], "std": [64]},
                "output": {"temperature": 1.5},
                "crop": {"size_px": [48, 48], "landmarks": landmarks},
                "thresholds": {"confidence": 0.61},
            }
        ),
        encoding="utf-8",
    )
    network = emotion.network(saved, emotion.read_sidecar(sidecar))
    assert network.input.mean == (127.5,)
    assert network.output.temperature == 1.5
    assert network.thresholds == {"confidence": 0.61}
    assert network.crop is not None
    assert network.crop.landmarks[2] == (24, 27)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "no sidecar"),
        ("[]", "no sidecar"),
        ("{}", "has no labels"),
        ('{"labels": ["a"], "crop": {}}', "crop|size"),
    ],
)
def test_a_broken_sidecar_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    """The message names the file and what is missing."""
    path = tmp_path / "m.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=reason):
        emotion.read_sidecar(path)


@pytest.mark.parametrize("labels", [(), ("one",), ("a", "b", "c", "d")])
def test_labels_must_match_the_outputs(saved: Path, labels: tuple[str, ...]) -> None:
    """Expected and found numbers stand in the message."""
    with pytest.raises(SourceError, match=f"3 outputs but {len(labels)} labels"):
        emotion.network(saved, Contract(labels=labels))


def test_another_network_is_refused(tmp_path: Path) -> None:
    """One that takes vectors, and one that gives maps."""
    vectors = keras.Sequential([keras.layers.Input((7,)), keras.layers.Dense(3)])
    vectors.save(tmp_path / "vectors.keras")
    with pytest.raises(SourceError, match="expected one input"):
        emotion.network(tmp_path / "vectors.keras", Contract(labels=LABELS))
    maps = keras.Sequential([keras.layers.Input((32, 32, 1)), keras.layers.Conv2D(3, 3)])
    maps.save(tmp_path / "maps.keras")
    with pytest.raises(SourceError, match="expected one output"):
        emotion.network(tmp_path / "maps.keras", Contract(labels=LABELS))


def test_color_must_match_the_channels(saved: Path) -> None:
    """rgb does not go with one channel."""
    with pytest.raises(SourceError, match="color rgb"):
        emotion.network(saved, Contract(labels=LABELS, color="rgb"))


def labeled(folder: Path, names: tuple[str, ...]) -> Path:
    """Random pictures with random labels."""
    draw = np.random.default_rng(2)
    path = folder / "labeled.npz"
    np.savez(
        path,
        images=draw.integers(0, 256, (60, 48, 48), np.uint8),
        label7=draw.integers(0, len(names), 60),
        label7_names=np.array(names),
    )
    return path


def test_labeled_pictures_give_an_accuracy(saved: Path, portraits: Faces, tmp_path: Path) -> None:
    """It goes into the manifest; labels that the pictures lack are left out."""
    network = emotion.network(saved, Contract(labels=LABELS), scheme="dynamic")
    more = LabeledTrial(labeled(tmp_path, LABELS[:2]))
    trial = trials.FaceTrial(portraits, trials.classifier_judge, more)
    report = conversion.convert([network], trial, tmp_path / "out", made_by="test")
    quality = report.models[0].manifest.quality
    assert 0.2 < quality["accuracy"] < 0.8
    assert "accuracy_loss_points" in {check.name for check in report.checks}


def test_foreign_labels_are_refused(saved: Path, portraits: Faces, tmp_path: Path) -> None:
    """Pictures of an emotion that the network does not know."""
    network = emotion.network(saved, Contract(labels=LABELS), scheme="dynamic")
    trial = trials.FaceTrial(portraits, trials.classifier_judge, LabeledTrial(labeled(tmp_path, ("calm", "bored"))))
    with pytest.raises(SourceError, match="bored"):
        conversion.convert([network], trial, tmp_path / "out", made_by="test")
    assert list((tmp_path / "out").iterdir()) == []


def test_large_files_are_not_calibrated_by_default(tmp_path: Path) -> None:
    """Eight bits of 600 MB take more memory than most people have."""
    path = tmp_path / "large.h5"
    with path.open("wb") as file:
        file.truncate(600_000_000)
    assert emotion.default_scheme(path) == "dynamic"
    assert emotion.default_scheme(tmp_path / "small.h5") == "int8"
