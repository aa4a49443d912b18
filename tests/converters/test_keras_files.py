"""Keras files of any age: what loads, what is refused, and what happens to a softmax."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tf_keras

from converters import keras_files, rewrites
from edge_fer.errors import SourceError

PICTURES = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 1)).astype(np.float32)


def student(library: Any, *, last: str = "dense") -> Any:
    """A small classifier as students write it; `last` says where its softmax sits."""
    layers = [
        library.layers.Input((32, 32, 1)),
        library.layers.Conv2D(8, 3, activation="relu"),
        library.layers.BatchNormalization(),
        library.layers.MaxPooling2D(),
        library.layers.Flatten(),
    ]
    if last == "dense":
        layers.append(library.layers.Dense(5, activation="softmax"))
    else:
        layers.append(library.layers.Dense(5))
        layers.append(library.layers.Softmax() if last == "layer" else library.layers.Activation("softmax"))
    return library.Sequential(layers)


def with_depthwise() -> Any:
    """A Keras 2 network that Keras 3 refuses: DepthwiseConv2D was saved with `groups`."""
    return tf_keras.Sequential(
        [
            tf_keras.layers.Input((32, 32, 1)),
            tf_keras.layers.DepthwiseConv2D(3, depth_multiplier=4, activation="relu"),
            tf_keras.layers.GlobalAveragePooling2D(),
            tf_keras.layers.Dense(5, activation="softmax"),
        ]
    )


def answers(model: Any) -> np.ndarray:
    return np.asarray(model(PICTURES, training=False))


def keras2_h5(folder: Path) -> tuple[Any, dict[str, Any]]:
    model = with_depthwise()
    model.compile(optimizer=tf_keras.optimizers.legacy.Adam(learning_rate=0.001), loss="categorical_crossentropy")
    model.save(folder / "model.h5", save_format="h5")
    return model, {"path": folder / "model.h5"}


def keras3_h5(folder: Path) -> tuple[Any, dict[str, Any]]:
    model = student(keras)
    model.save(folder / "model.h5")
    return model, {"path": folder / "model.h5"}


def keras_zip(folder: Path) -> tuple[Any, dict[str, Any]]:
    model = student(keras)
    model.save(folder / "model.keras")
    return model, {"path": folder / "model.keras"}


def json_and_weights(folder: Path) -> tuple[Any, dict[str, Any]]:
    model = student(tf_keras)
    (folder / "model.json").write_text(model.to_json(), encoding="utf-8")
    model.save_weights(folder / "weights.h5")
    return model, {"path": folder / "weights.h5", "architecture": folder / "model.json"}


def saved_model_of_keras2(folder: Path) -> tuple[Any, dict[str, Any]]:
    model = student(tf_keras)
    model.save(folder / "saved", save_format="tf")
    return model, {"path": folder / "saved"}


def saved_model_of_keras3(folder: Path) -> tuple[Any, dict[str, Any]]:
    model = student(keras)
    model.export(folder / "saved", verbose=False)
    return model, {"path": folder / "saved"}


@pytest.mark.filterwarnings("ignore")  # Keras itself warns of the old formats
@pytest.mark.parametrize(
    "written", [keras2_h5, keras3_h5, keras_zip, json_and_weights, saved_model_of_keras2, saved_model_of_keras3]
)
def test_every_age_loads(written: Callable[[Path], tuple[Any, dict[str, Any]]], tmp_path: Path) -> None:
    """The loaded model gives the answers of the one that was saved."""
    model, arguments = written(tmp_path)
    path = arguments.pop("path")
    loaded = keras_files.load(path, **arguments)
    assert np.allclose(answers(loaded), answers(model), atol=1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("library", [keras, tf_keras])
@pytest.mark.parametrize("last", ["dense", "layer", "activation"])
def test_a_softmax_comes_off(library: Any, last: str) -> None:
    """Wherever it sits; put on again, the answers are the old ones."""
    model = student(library, last=last)
    before = answers(model)
    bare, taken = keras_files.without_softmax(model)
    logits = answers(bare)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    again = odds / odds.sum(axis=1, keepdims=True)
    assert taken
    assert not np.allclose(logits.sum(axis=1), 1)
    assert np.allclose(again, before, atol=1e-5)


def test_a_model_without_softmax_stays() -> None:
    """Logits, or a sigmoid per label, are left alone."""
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2, activation="sigmoid")])
    bare, taken = keras_files.without_softmax(model)
    assert bare is model
    assert not taken


def lambda_file(folder: Path, suffix: str) -> Path:
    library = keras if suffix == "keras" else tf_keras
    model = library.Sequential([library.layers.Input((32, 32, 1)), library.layers.Lambda(lambda x: x / 255)])
    path = folder / f"model.{suffix}"
    model.save(path)
    return path


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_a_lambda_layer_is_refused_until_allowed(tmp_path: Path, suffix: str) -> None:
    """It runs code from the file; the message says which option allows it."""
    path = lambda_file(tmp_path, suffix)
    with pytest.raises(SourceError, match="Lambda") as caught:
        keras_files.load(path)
    assert "--allow-lambda" in caught.value.hint
    assert np.allclose(answers(keras_files.load(path, allow_lambda=True)), PICTURES / 255)


@pytest.mark.filterwarnings("ignore")
def test_a_nested_lambda_is_found(tmp_path: Path) -> None:
    """Also inside a model inside the model, and in an architecture file."""
    inner = tf_keras.Sequential([tf_keras.layers.Input((4,)), tf_keras.layers.Lambda(lambda x: x)])
    model = tf_keras.Sequential([tf_keras.layers.Input((4,)), inner])
    (tmp_path / "m.json").write_text(model.to_json(), encoding="utf-8")
    (tmp_path / "w.h5").write_bytes(b"")
    with pytest.raises(SourceError, match="Lambda"):
        keras_files.load(tmp_path / "w.h5", architecture=tmp_path / "m.json")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("written", [keras3_h5, keras_zip])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_cut_off_file_is_refused(
    written: Callable[[Path], tuple[Any, dict[str, Any]]], share: float, tmp_path: Path
) -> None:
    """The message names the file; exit code 65."""
    path = written(tmp_path)[1]["path"]
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(SourceError, match=path.name) as caught:
        keras_files.load(path)
    assert caught.value.exit_code == 65


@pytest.mark.filterwarnings("ignore")
def test_weights_alone_ask_for_their_architecture(tmp_path: Path) -> None:
    """A file of weights is no model."""
    student(tf_keras).save_weights(tmp_path / "weights.h5")
    with pytest.raises(SourceError, match="weights only") as caught:
        keras_files.load(tmp_path / "weights.h5")
    assert "--architecture" in caught.value.hint


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """Before anything else is tried."""
    with pytest.raises(SourceError, match="no such file"):
        keras_files.load(tmp_path / "nowhere.h5")


@pytest.mark.parametrize("library", [keras, tf_keras])
def test_prelu_is_split_everywhere(library: Any) -> None:
    """Slopes below 0, between, and above 1: the rewritten network gives the same numbers."""
    pixels = library.layers.Input((8, 8, 3))
    x = library.layers.PReLU(shared_axes=[1, 2], name="bent")(library.layers.Conv2D(4, 3)(pixels))
    x = library.layers.Add()([x, library.layers.PReLU(shared_axes=[1, 2])(library.layers.Conv2D(4, 1)(x))])
    model = library.Model(pixels, library.layers.GlobalAveragePooling2D()(x))
    model.get_layer("bent").set_weights([np.array((-0.5, 0.0, 0.25, 1.75), np.float32).reshape(1, 1, 4)])
    batch = np.random.default_rng(1).normal(size=(5, 8, 8, 3)).astype(np.float32)
    split = rewrites.without_prelu(model)
    assert not any(type(layer).__name__ == "PReLU" for layer in split.layers)
    assert np.allclose(split(batch), model(batch), atol=1e-5)


def test_a_network_without_prelu_stays() -> None:
    """Nothing is rebuilt for nothing."""
    model = student(keras)
    assert rewrites.without_prelu(model) is model
