"""Embedding networks that users bring, and closed-set heads on top of an identity model."""

from __future__ import annotations

import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from converters import conversion, embedding, face_classifier, trials
from converters.calibration import Faces
from converters.embedding import Contract
from converters.parity import GateError
from edge_fer.errors import SourceError
from edge_fer.tflite.model import Model
from tests.converters.conftest import SHIPPED

NORMALIZED = Contract(mean=(127.5,) * 3, std=(127.5,) * 3)


def mobile(path: Path) -> Path:
    """A small network with PReLU and depthwise convolutions, as mobile face networks have them."""
    keras.utils.set_random_seed(11)
    pixels = keras.Input((112, 112, 3))
    x = keras.layers.Conv2D(16, 3, strides=2)(pixels)
    x = keras.layers.PReLU(shared_axes=[1, 2], alpha_initializer=keras.initializers.Constant(0.25))(x)
    x = keras.layers.DepthwiseConv2D(3, strides=2)(x)
    x = keras.layers.PReLU(shared_axes=[1, 2], alpha_initializer=keras.initializers.Constant(0.1))(x)
    x = keras.layers.Conv2D(32, 1)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    keras.Model(pixels, keras.layers.Dense(24)(x)).save(path)
    return path


def test_prelu_stays_in_the_delegate_in_8_bits(portraits: Faces, tmp_path: Path) -> None:
    """A MobileFaceNet-like network drops in: arcface template, normalized input, everything delegated."""
    network = embedding.network(mobile(tmp_path / "mobile.keras"), NORMALIZED)
    trial = trials.FaceTrial(portraits, trials.embedding_judge(0.95))
    (model,) = conversion.convert([network], trial, tmp_path / "out", made_by="test").models
    assert model.coverage.whole
    assert "PRELU" not in model.coverage.operators
    assert model.manifest.crop is not None
    assert model.manifest.crop.landmarks[0] == pytest.approx((38.2946, 51.6963))
    assert Model(tmp_path / "out" / "embedding.tflite")(np.zeros((1, 112, 112, 3)))[0].shape == (1, 24)


def test_a_tflite_file_stays_as_it_is(portraits: Faces, tmp_path: Path) -> None:
    """The bytes are the user's; the manifest says that parity is with itself."""
    path = tmp_path / "face_net.tflite"
    shutil.copy(SHIPPED / "identity.tflite", path)
    network = embedding.network(path, Contract(template="dlib"))
    trial = trials.FaceTrial(portraits, trials.embedding_judge(0.999))
    (model,) = conversion.convert([network], trial, tmp_path / "out", made_by="test").models
    assert (tmp_path / "out" / "embedding.tflite").read_bytes() == path.read_bytes()
    assert model.manifest.quantization.scheme == "int8"
    assert model.manifest.parity["cosine_mean"] == pytest.approx(1, abs=1e-5)
    assert any("with itself" in note for note in model.manifest.notes)


def test_templates_scale_with_the_input() -> None:
    """A name, or ten numbers in pixels of the input."""
    assert embedding.crop("arcface", 224, 224).landmarks[2] == pytest.approx((112.0504, 143.4732))
    own = embedding.crop("1,2,3,4,5,6,7,8,9,10", 64, 80)
    assert own.size_px == (64, 80)
    assert own.landmarks[4] == (9, 10)


@pytest.mark.parametrize("template", ["nobody", "1,2,3", "1,2,3,4,5,6,7,8,9,x"])
def test_an_unknown_template_is_refused(template: str) -> None:
    """The message lists what is known."""
    with pytest.raises(SourceError, match="arcface, dlib"):
        embedding.crop(template, 112, 112)


def test_what_is_no_embedding_network_is_refused(tmp_path: Path) -> None:
    """A vector network, a cut-off TFLite file, a mean that does not fit."""
    vectors = keras.Sequential([keras.layers.Input((7,)), keras.layers.Dense(3)])
    vectors.save(tmp_path / "vectors.keras")
    with pytest.raises(SourceError, match="expected one picture"):
        embedding.network(tmp_path / "vectors.keras", Contract())
    cut = tmp_path / "cut.tflite"
    cut.write_bytes((SHIPPED / "identity.tflite").read_bytes()[:1000])
    with pytest.raises(SourceError, match=r"cut\.tflite"):
        embedding.network(cut, Contract())
    with pytest.raises(SourceError, match="mean needs 3"):
        embedding.network(mobile(tmp_path / "m.keras"), Contract(mean=(1.0, 2.0)))


NAMES = ("Ada", "Grace", "Katherine")


def head(path: Path, width: int = 128, people: int = 3) -> Path:
    """A head as students write it."""
    keras.utils.set_random_seed(4)
    layers = [
        keras.layers.Input((width,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(people, activation="softmax"),
    ]
    keras.Sequential(layers).save(path)
    return path


def test_a_head_converts_and_answers(tmp_path: Path) -> None:
    """Its manifest knows whose embeddings it takes; its answers are Keras's."""
    path = head(tmp_path / "face_classifier.keras")
    rows = np.random.default_rng(0).normal(size=(80, 128)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    network = face_classifier.network(path, NAMES, "dlib-resnet", 128)
    trial = trials.ArrayTrial(rows, "noise", trials.classifier_judge)
    (model,) = conversion.convert([network], trial, tmp_path / "out", made_by="test").models
    assert model.manifest.embedder == "dlib-resnet"
    assert model.manifest.output.labels == NAMES
    assert model.manifest.task == "face-classifier"
    assert model.coverage.whole
    ours = Model(tmp_path / "out" / "face_classifier.tflite")(rows[:1].reshape(1, 1, 1, 128))[0]
    probabilities = np.asarray(keras.models.load_model(path)(rows[:1]))
    assert np.allclose(np.exp(ours) / np.exp(ours).sum(), probabilities, atol=1e-5)


def test_a_head_in_8_bits_is_judged_too(tmp_path: Path) -> None:
    """Calibrated on three quarters of the embeddings; answers turned around are refused."""
    rows = np.random.default_rng(0).normal(size=(80, 128)).astype(np.float32)
    network = face_classifier.network(head(tmp_path / "h.keras"), NAMES, "dlib-resnet", 128, scheme="int8")
    trial = trials.ArrayTrial(rows, "noise", lambda _before, after: trials.classifier_judge(after, -after))
    assert len(trial.samples(network)) == 60
    with pytest.raises(GateError, match="label_agreement"):
        conversion.convert([network], trial, tmp_path / "out", made_by="test")


def test_a_head_for_other_embeddings_is_refused(tmp_path: Path) -> None:
    """512 numbers wanted, 128 given."""
    with pytest.raises(SourceError, match="gives 128 numbers"):
        face_classifier.network(head(tmp_path / "h.keras", width=512), NAMES, "dlib-resnet", 128)


def test_names_must_match_the_outputs(tmp_path: Path) -> None:
    """Four outputs, three names."""
    with pytest.raises(SourceError, match="3 names"):
        face_classifier.network(head(tmp_path / "h.keras", people=4), NAMES, "dlib-resnet", 128)


@pytest.mark.parametrize("text", ["", "Ada\n", "Ada\n\nAda\n"])
def test_a_bad_list_of_names_is_refused(tmp_path: Path, text: str) -> None:
    """None, one, or one twice."""
    path = tmp_path / "names.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=r"names\.txt"):
        face_classifier.read_names(path)


def test_names_are_read_line_by_line(tmp_path: Path) -> None:
    """Spaces around and empty lines do not count."""
    path = tmp_path / "names.txt"
    path.write_text(" Ada \n\nGrace\n", encoding="utf-8")
    assert face_classifier.read_names(path) == ("Ada", "Grace")
