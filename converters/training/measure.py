"""Answers of a finished model, Keras or TFLite, to faces that go the way of the run time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from converters.training.augment import CROP_PX
from converters.training.labels import LABELS
from edge_fer.errors import SourceError

Answers = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""uint8 (n, 224, 224) gray → logits, float32 (n, 8)."""


def keras_answers(path: Path) -> Answers:
    """The answers of emotion_arch.h5 before its softmax.

    Raises:
        SourceError: The file is no model with a layer `logits` of eight outputs.
    """
    try:
        whole = keras.models.load_model(path, compile=False)
        model = keras.Model(whole.input, whole.get_layer("logits").output)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: {error}", "train it: python -m converters.training.emotion") from error
    if model.output_shape[-1] != len(LABELS):
        raise SourceError(f"{path}: {model.output_shape[-1]} outputs", f"this measures models of {len(LABELS)} labels")

    def answers(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(model.predict(crops[..., None], batch_size=64, verbose=0), np.float32)

    return answers


def tflite_answers(path: Path) -> Answers:
    """The answers of an int8 or float TFLite file that gives logits.

    Raises:
        SourceError: The file is missing or no TFLite model.
    """
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415  # only where a .tflite is measured

    try:
        interpreter = Interpreter(str(path), num_threads=1)
    except (ValueError, OSError) as error:
        raise SourceError(f"{path}: {error}", "give --tflite a file that edge-fer-convert wrote") from error
    interpreter.allocate_tensors()
    taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]

    def answers(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        out = np.empty((len(crops), len(LABELS)), np.float32)
        for row, crop in enumerate(crops):
            interpreter.set_tensor(taken["index"], _stored(crop.astype(np.float32)[None, ..., None], taken))
            interpreter.invoke()
            raw = interpreter.get_tensor(given["index"])[0].astype(np.float32)
            scale, zero = given["quantization"]
            out[row] = (raw - zero) * scale if scale else raw
        return out

    return answers


def crops_of(images: Sequence[NDArray[np.uint8]], face_px: int | None = None) -> NDArray[np.uint8]:
    """uint8 (n, 224, 224): faces brought to `face_px` (as stored where None) and then to the crop, bilinear."""
    out = np.empty((len(images), CROP_PX, CROP_PX), np.uint8)
    for place, image in enumerate(images):
        if face_px is not None and face_px != image.shape[0]:
            how = cv2.INTER_AREA if face_px < image.shape[0] else cv2.INTER_LINEAR
            image = np.asarray(cv2.resize(image, (face_px, face_px), interpolation=how), np.uint8)  # noqa: PLW2901
        out[place] = cv2.resize(image, (CROP_PX, CROP_PX), interpolation=cv2.INTER_LINEAR)
    return out


def _stored(pixels: NDArray[np.float32], details: dict[str, Any]) -> NDArray[Any]:
    """Pixels as the tensor stores them: quantized where it has a scale."""
    scale, zero = details["quantization"]
    dtype = np.dtype(details["dtype"])
    if not scale:
        return np.asarray(pixels, dtype)
    limits = np.iinfo(dtype)
    return np.asarray(np.clip(np.round(pixels / scale) + zero, limits.min, limits.max), dtype)
