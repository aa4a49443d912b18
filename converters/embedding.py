"""Any face-embedding network, as TFLite or Keras, with the contract that its publisher states: better ones drop in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from pydantic import ValidationError

from converters import keras_files, rewrites
from converters.network import Network, Scheme
from edge_fer.errors import SourceError
from edge_fer.tflite.manifest import Crop, Input, Output, Source, sha256_of

SCHEME: Scheme = "int8"

WORST_COSINE = 0.99

TEMPLATES = {
    "arcface": ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)),
    "dlib": ((35.5, 33.9), (75.3, 33.9), (55.4, 57.9), (38.1, 78.4), (72.7, 78.4)),
}
"""Landmarks in a crop of 112 px. Sources: "arcface", insightface's face_align (Deng et al. 2019); "dlib", its chips."""

_TEMPLATE_PX = 112

Color = Literal["rgb", "bgr", "gray"]


@dataclass(frozen=True)
class Contract:
    """What a file does not say about itself.

    Attributes:
        mean, std: Of the input, per channel in 0–255; empty for raw pixels.
        template: "arcface", "dlib", or ten numbers x,y,x,y… in pixels of the input.
    """

    color: Color = "rgb"
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    template: str = "arcface"
    license: str = "not stated"


def network(
    path: Path,
    contract: Contract,
    *,
    scheme: Scheme = SCHEME,
    stem: str = "embedding",
    allow_lambda: bool = False,
) -> Network:
    """The network, ready to be converted; a .tflite file stays as it is.

    Raises:
        SourceError: Unreadable, not one picture → one vector, or a contract that does not fit.
    """
    ready = path.read_bytes() if path.suffix == ".tflite" and path.is_file() else None
    if ready is not None:
        model, shape, scheme = _tflite(path)
    else:
        model = keras_files.load(path, allow_lambda=allow_lambda)
        shape = tuple(-1 if side is None else int(side) for side in model.inputs[0].shape)
        _check(path, shape, [tuple(output.shape) for output in model.outputs])
        model = rewrites.without_prelu(model) if scheme == "int8" else model
    try:
        given = {"color": contract.color, "mean": contract.mean, "std": contract.std}
        taken = Input.model_validate({"shape": shape, **given})
    except ValidationError as error:
        raise SourceError(f"{path}: {error.errors()[0]['msg']}", "correct --color, --mean and --std") from error
    return Network(
        name=path.stem.lower().replace("_", "-"),
        stem=stem,
        task="identity",
        keras=model,
        scheme=scheme,
        source=Source(
            name=path.stem, origin="given by the user", file=path.name, sha256=sha256_of(path), license=contract.license
        ),
        input=taken,
        output=Output(kind="embedding"),
        crop=crop(contract.template, shape[2], shape[1]),
        ready=ready,
        notes=("came as TFLite: parity is with itself",) if ready is not None else (),
    )


def crop(template: str, width: int, height: int) -> Crop:
    """Where the landmarks lie in an input of this size.

    Raises:
        SourceError: `template` is neither a name nor ten numbers.
    """
    points: Any = TEMPLATES.get(template)
    if points is not None:
        points = [(round(x * width / _TEMPLATE_PX, 4), round(y * height / _TEMPLATE_PX, 4)) for x, y in points]
    else:
        try:
            values = [float(part) for part in template.split(",")]
        except ValueError:
            values = []
        if len(values) != 10:
            known = ", ".join(TEMPLATES)
            raise SourceError(
                f"--template {template}: neither {known} nor ten numbers", "give x,y of both eyes, nose, mouth corners"
            )
        points = list(zip(values[0::2], values[1::2], strict=True))
    return Crop.model_validate({"size_px": (width, height), "landmarks": points})


def _check(path: Path, shape: tuple[int, ...], outputs: list[tuple[int | None, ...]]) -> None:
    sides = shape[1:]
    if len(shape) != 4 or sides[2] not in (1, 3) or min(sides) < 1 or len(outputs) != 1:
        raise SourceError(
            f"{path}: {shape} → {outputs}, expected one picture (n, height, width, 1 or 3) → one vector",
            "give a face embedding network",
        )


def _tflite(path: Path) -> tuple[Any, tuple[int, ...], Scheme]:
    """The file as a function of a float32 batch, its input shape, and how it stores numbers."""
    try:
        interpreter = Interpreter(model_path=str(path), num_threads=1)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise SourceError(
            f"{path}: no TFLite model, or cut off: {str(error).splitlines()[0]}", "give another"
        ) from error
    detail = interpreter.get_input_details()[0]
    shape = tuple(int(side) for side in detail["shape_signature"])
    _check(path, shape, [tuple(output["shape"]) for output in interpreter.get_output_details()])
    kinds = {tensor["dtype"] for tensor in interpreter.get_tensor_details()}
    scheme: Scheme = "float32"
    if detail["dtype"] == np.int8:
        scheme = "int8"
    elif np.int8 in kinds:
        scheme = "dynamic"
    elif np.float16 in kinds:
        scheme = "float16"
    return _Function(interpreter), shape, scheme


class _Function:
    """A .tflite file called like a Keras model."""

    def __init__(self, interpreter: Any) -> None:
        self._interpreter = interpreter
        self._input = interpreter.get_input_details()[0]
        self._output = interpreter.get_output_details()[0]

    def __call__(self, batch: NDArray[np.float32], *, training: bool = False) -> NDArray[np.float32]:
        """(n, d) of (n, height, width, channels), one at a time."""
        del training
        return np.concatenate([self._one(one[None]) for one in batch])

    def _one(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._input["dtype"] == np.int8:
            scale, zero_point = self._input["quantization"]
            picture = np.clip(np.rint(picture / np.float32(scale)) + zero_point, -128, 127).astype(np.int8)
        self._interpreter.set_tensor(self._input["index"], picture)
        self._interpreter.invoke()
        answer = self._interpreter.get_tensor(self._output["index"]).reshape(1, -1)
        if answer.dtype == np.int8:
            scale, zero_point = self._output["quantization"]
            return np.asarray((answer.astype(np.float32) - zero_point) * np.float32(scale), np.float32)
        return np.asarray(answer, np.float32)
