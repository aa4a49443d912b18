"""What a source of weights hands to the conversion: a Keras model with its contract. One noun for every source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from edge_fer.tflite.manifest import Crop, Input, Output, Source

Scheme = Literal["float32", "float16", "dynamic", "int8"]
SCHEMES: tuple[Scheme, ...] = ("float32", "float16", "dynamic", "int8")

Task = Literal["detector", "identity", "emotion", "face-classifier"]


@dataclass(frozen=True, eq=False)
class Network:
    """A float network, ready to be converted.

    Attributes:
        name: As it stands in the manifest and in payloads, such as "dlib-resnet".
        stem: Name of the model file without its suffix, such as "identity".
        keras: keras.Model (or tf_keras.Model) with one input that takes what `input` says, and one output; or any
            function of a float32 batch where `ready` is given.
        ready: Content of a .tflite file, where the weights come as one.
        scheme: How its numbers are to be stored.
        embedder: Name of the identity model that a head is fed by.
        fixed_batch: Batch size of the converted model, or None where the run time resizes it.
        smallest_side_px: Where height and width are free (−1), the file is made for this size: the interpreter
            allocates once before anybody can resize it.
        float_dense: In 8 bits, leave dense layers in float: for a classifier with a single small one at its end, whose
            logits would else share one scale.
        notes: Statements about the source for the manifest.
    """

    name: str
    stem: str
    task: Task
    keras: Any
    scheme: Scheme
    source: Source
    input: Input
    output: Output
    crop: Crop | None = None
    fixed_batch: int | None = None
    smallest_side_px: int = 1
    float_dense: bool = False
    ready: bytes | None = None
    embedder: str = ""
    thresholds: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
