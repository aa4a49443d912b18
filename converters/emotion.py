"""Any Keras classifier of faces, (height, width, 1 or 3) → n labels, with its contract from options or a sidecar."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from converters import keras_files, rewrites
from converters.network import Network, Scheme
from edge_fer.errors import SourceError
from edge_fer.tflite.manifest import Crop, Input, Output, Source, sha256_of

SCHEME: Scheme = "int8"

LARGE_BYTES = 300_000_000
"""Weights above this are stored in dynamic range by default. Measured on a file of 600 MB: converting it takes 4.2 GB
of memory in dynamic range, 5.8 GB in float32 and 8.7 GB in int8."""

TEMPLATE_150 = ((47.5, 45.4), (100.9, 45.4), (74.2, 77.5), (51.0, 105.0), (97.4, 105.0))
"""Landmarks for a network without a crop of its own: dlib's chips of 150 px, scaled to the input's size."""

_CONFIDENCE = 0.4
"""Where the sidecar measures none: twice the chance of one in five, so that a guess gives no label."""


@dataclass(frozen=True)
class Contract:
    """What a Keras file does not say about itself.

    Attributes:
        labels: Names of the outputs, in order.
        color: "rgb", "bgr" or "gray"; None: gray for one channel, rgb for three.
        mean, std: Of the input, per channel in 0–255; empty for raw pixels.
        crop: None for TEMPLATE_150.
    """

    labels: tuple[str, ...]
    color: str | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    crop: Crop | None = None
    temperature: float = 1.0
    thresholds: Mapping[str, float] = field(default_factory=dict)


def default_scheme(path: Path) -> Scheme:
    """SCHEME, but for files that few machines could calibrate."""
    return "dynamic" if path.is_file() and path.stat().st_size > LARGE_BYTES else SCHEME


def read_sidecar(path: Path) -> Contract:
    """The contract beside a model, such as emotion_arch.json.

    Raises:
        SourceError: Missing, no JSON, or without labels.
    """
    hint = "give --labels, or a sidecar with labels, input, crop and thresholds"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        given = stored.get("input", {})
        return Contract(
            labels=tuple(stored["labels"]),
            color=given.get("color"),
            mean=tuple(given.get("mean", ())),
            std=tuple(given.get("std", ())),
            crop=Crop.model_validate(stored["crop"]) if "crop" in stored else None,
            temperature=float(stored.get("output", {}).get("temperature", 1)),
            thresholds={name: float(value) for name, value in stored.get("thresholds", {}).items()},
        )
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}", hint) from error
    except KeyError as error:
        raise SourceError(f"{path}: has no {error.args[0]}", hint) from error
    except (ValueError, TypeError, AttributeError, ValidationError) as error:
        raise SourceError(f"{path}: no sidecar of a model: {str(error).splitlines()[0]}", hint) from error


def network(
    path: Path,
    contract: Contract,
    *,
    scheme: Scheme = SCHEME,
    architecture: Path | None = None,
    allow_lambda: bool = False,
    origin: str = "given by the user",
    license: str = "not stated",
    stem: str = "emotion",
) -> Network:
    """The classifier, ready to be converted; its softmax is taken off.

    Raises:
        SourceError: Unreadable, not a picture classifier, or labels and outputs differ in number.
    """
    model = keras_files.load(path, architecture=architecture, allow_lambda=allow_lambda)
    height, width, channels = _picture(model, path)
    model, logits = keras_files.without_softmax(model)
    outputs = _outputs(model, path)
    if len(contract.labels) != outputs:
        raise SourceError(
            f"{path}: {outputs} outputs but {len(contract.labels)} labels ({', '.join(contract.labels) or 'none'})",
            "name every output in order with --labels or in the sidecar",
        )
    model = rewrites.without_prelu(model) if scheme == "int8" else model
    return Network(
        name=path.stem.lower().replace("_", "-"),
        stem=stem,
        task="emotion",
        keras=model,
        scheme=scheme,
        source=Source(name=path.stem, origin=origin, file=path.name, sha256=_digest(path), license=license),
        input=_input(contract, (height, width, channels), path),
        output=Output(
            kind="logits" if logits else "probabilities", labels=contract.labels, temperature=contract.temperature
        ),
        crop=contract.crop or _scaled_template(width, height),
        fixed_batch=1,
        float_dense=_ends_in_its_only_dense_layer(model),
        thresholds={"confidence": _CONFIDENCE, **contract.thresholds},
        notes=("softmax taken off: the run time applies it, with the temperature",) if logits else (),
    )


def _ends_in_its_only_dense_layer(model: Any) -> bool:
    dense = [layer for layer in model.layers if type(layer).__name__ == "Dense"]
    return len(dense) == 1 and dense[0] is model.layers[-1]


def _picture(model: Any, path: Path) -> tuple[int, int, int]:
    shape = tuple(model.inputs[0].shape)
    if len(model.inputs) != 1 or len(shape) != 4 or shape[3] not in (1, 3) or None in shape[1:]:
        found = ", ".join(str(tuple(each.shape)) for each in model.inputs)
        raise SourceError(
            f"{path}: takes {found}, expected one input (n, height, width, 1 or 3)", "give a classifier of pictures"
        )
    return int(shape[1]), int(shape[2]), int(shape[3])


def _outputs(model: Any, path: Path) -> int:
    shapes = [tuple(each.shape) for each in model.outputs]
    if len(shapes) != 1 or len(shapes[0]) != 2 or shapes[0][1] is None:
        raise SourceError(f"{path}: gives {shapes}, expected one output (n, labels)", "give a classifier of pictures")
    return int(shapes[0][1])


def _input(contract: Contract, shape: tuple[int, int, int], path: Path) -> Input:
    color = contract.color or ("gray" if shape[2] == 1 else "rgb")
    try:
        return Input.model_validate({"shape": (1, *shape), "color": color, "mean": contract.mean, "std": contract.std})
    except ValidationError as error:
        raise SourceError(f"{path}: {error.errors()[0]['msg']}", "correct --color, --mean and --std") from error


def _scaled_template(width: int, height: int) -> Crop:
    points = [(round(x * width / 150, 1), round(y * height / 150, 1)) for x, y in TEMPLATE_150]
    return Crop.model_validate({"size_px": (width, height), "landmarks": points})


def _digest(path: Path) -> str:
    """sha256 of a file; of a SavedModel, of its graph."""
    return sha256_of(path / "saved_model.pb" if path.is_dir() else path)
