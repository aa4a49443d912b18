"""Keras models from files of any age.

Keras 3 refuses most files that Keras 2 wrote, so ``.h5`` and JSON go to tf-keras first, and ``.keras`` to Keras 3.
Lambda layers run code that stands in the file: they are refused unless the user says so.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import tensorflow as tf
import tf_keras

from edge_fer.errors import SourceError

_HINT = "give a Keras model as .h5 or .keras, a SavedModel folder, or --architecture JSON with a weights .h5"

_UNREADABLE = (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError, NotImplementedError, ImportError)
"""What Keras raises on files of another kind."""


def load(path: Path, *, architecture: Path | None = None, allow_lambda: bool = False) -> Any:
    """A keras.Model or tf_keras.Model, not compiled.

    Args:
        path: ``.h5`` or ``.hdf5`` (whole model, or weights with `architecture`), ``.keras``, or a SavedModel folder.
        architecture: JSON written by ``model.to_json()``.
        allow_lambda: Run the code of Lambda layers.

    Raises:
        SourceError: Missing, cut off, no such file, or with a Lambda layer that is not allowed.
    """
    if not path.exists():
        raise SourceError(f"{path}: no such file", _HINT)
    try:
        if architecture is not None:
            return _from_json(path, architecture, allow_lambda)
        if path.is_dir():
            return _from_saved_model(path)
        if path.suffix == ".keras":
            return _from_zip(path, allow_lambda)
        return _from_h5(path, allow_lambda)
    except _UNREADABLE as error:
        reason = str(error).strip().splitlines()
        raise SourceError(f"{path}: Keras cannot read it: {reason[0] if reason else error!r}", _HINT) from error


def library_of(model: Any) -> Any:
    """The package that made `model`: keras or tf_keras. Their layers do not mix."""
    return tf_keras if isinstance(model, tf_keras.Model) else keras


def without_softmax(model: Any) -> tuple[Any, bool]:
    """The model up to its logits, and whether a softmax was taken off.

    The softmax is outside the XNNPACK delegate in 8 bits, and belongs to whoever knows the temperature.
    """
    library = library_of(model)
    if not model.layers or len(model.outputs) != 1:
        return model, False
    last = model.layers[-1]
    softmax = getattr(last, "activation", None) is library.activations.softmax
    kind = type(last).__name__
    if kind == "Softmax" or (kind == "Activation" and softmax):
        return library.Model(model.inputs[0], last.input, name=model.name), True
    if not softmax:
        return model, False
    last.activation = library.activations.linear
    return library.Model(model.inputs[0], last(last.input), name=model.name), True


def _from_h5(path: Path, allow_lambda: bool) -> Any:
    with h5py.File(path, "r") as file:
        config = file.attrs.get("model_config")
    if config is None:
        raise SourceError(
            f"{path}: holds weights only, no model", "give its architecture with --architecture FILE.json"
        )
    _refuse_lambda(json.loads(config), path, allow_lambda)
    try:
        return tf_keras.models.load_model(path, compile=False, safe_mode=not allow_lambda)
    except _UNREADABLE:  # written by Keras 3
        return keras.models.load_model(path, compile=False, safe_mode=not allow_lambda)


def _from_json(path: Path, architecture: Path, allow_lambda: bool) -> Any:
    text = architecture.read_text(encoding="utf-8")
    _refuse_lambda(json.loads(text), architecture, allow_lambda)
    model = tf_keras.models.model_from_json(text)
    model.load_weights(path)
    return model


def _from_zip(path: Path, allow_lambda: bool) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
    except zipfile.BadZipFile as error:
        raise SourceError(f"{path}: no .keras file, or cut off: {error}", _HINT) from error
    _refuse_lambda(config, path, allow_lambda)
    return keras.models.load_model(path, compile=False, safe_mode=not allow_lambda)


def _from_saved_model(path: Path) -> Any:
    model = tf_keras.models.load_model(path, compile=False)
    if isinstance(model, tf_keras.Model):
        return model
    # exported by Keras 3: a function without layers
    signature = tf.saved_model.load(str(path)).signatures["serving_default"]
    (spec,) = signature.structured_input_signature[1].values()
    pixels = keras.Input(spec.shape[1:])
    answer = keras.layers.TFSMLayer(str(path), call_endpoint="serving_default")(pixels)
    return keras.Model(pixels, next(iter(answer.values())))


def _refuse_lambda(config: Any, path: Path, allowed: bool) -> None:
    if not allowed and _has_lambda(config):
        raise SourceError(
            f"{path}: has a Lambda layer, which runs code that stands in the file",
            "give --allow-lambda if you trust whoever wrote it",
        )


def _has_lambda(config: Any) -> bool:
    if isinstance(config, dict):
        return config.get("class_name") == "Lambda" or any(map(_has_lambda, config.values()))
    return isinstance(config, list) and any(map(_has_lambda, config))
