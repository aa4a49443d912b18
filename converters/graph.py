"""What a .tflite file consists of, what it costs, and whether the XNNPACK delegate takes all of it.

One operator outside the delegate costs two copies and a reference kernel, which can be slower than all the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edge_fer.errors import ConversionError


@dataclass(frozen=True)
class Coverage:
    """What became of a graph.

    Attributes:
        inputs, outputs: Each tensor's type, shape and, in 8 bits, scale and zero point.
        operators: Kinds of operators in the file, with their counts.
        macs: Multiply-accumulates of one inference at the size that the file is made for.
        partitions: Number of parts that the delegate took.
        whole: One partition from the graph's inputs to its outputs, nothing outside.
    """

    inputs: list[str]
    outputs: list[str]
    operators: dict[str, int]
    macs: int
    partitions: int
    whole: bool


def coverage(path: Path) -> Coverage:
    """Load a model file with the default delegate and see what it took.

    Raises:
        ConversionError: The runtime cannot load the file.
    """
    try:
        interpreter = Interpreter(model_path=str(path), num_threads=1)
        interpreter.allocate_tensors()
        plain = Interpreter(
            model_path=str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        )
        plain.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ConversionError(
            f"{path.name}: the runtime cannot load what was converted: {str(error).splitlines()[0]}",
            "try another --scheme",
        ) from error
    nodes: Sequence[dict[str, Any]] = interpreter._get_ops_details()
    delegated = [node for node in nodes if node["op_name"] == "DELEGATE"]
    operators = Counter(str(node["op_name"]) for node in nodes if node["op_name"] != "DELEGATE")
    inputs = {int(detail["index"]) for detail in interpreter.get_input_details()}
    outputs = {int(detail["index"]) for detail in interpreter.get_output_details()}
    whole = len(delegated) == 1 and _spans(delegated[0], nodes, inputs, outputs)
    return Coverage(
        [_described(detail) for detail in interpreter.get_input_details()],
        [_described(detail) for detail in interpreter.get_output_details()],
        dict(sorted(operators.items())),
        _macs(plain),
        len(delegated),
        whole,
    )


def _described(detail: dict[str, Any]) -> str:
    shape = "×".join(str(side) for side in detail["shape_signature"])
    scale, zero_point = detail["quantization"]
    numbers = f", scale {scale:g}, zero point {zero_point}" if scale else ""
    return f"{np.dtype(detail['dtype']).name} {shape}{numbers}"


def _spans(part: dict[str, Any], nodes: Sequence[dict[str, Any]], inputs: set[int], outputs: set[int]) -> bool:
    """Whether `part` reads nothing computed but the graph's inputs, and computes all its outputs."""
    computed = {int(tensor) for node in nodes for tensor in node["outputs"]}
    read, made = ({int(tensor) for tensor in part[side]} for side in ("inputs", "outputs"))
    return inputs <= read and not read & computed and outputs <= made


def _macs(interpreter: Any) -> int:
    """Of convolutions and dense layers; all else is small beside them."""
    shapes = {int(detail["index"]): detail["shape"] for detail in interpreter.get_tensor_details()}
    total = 0
    for node in interpreter._get_ops_details():
        per_output = _MACS_PER_OUTPUT.get(node["op_name"])
        if per_output is not None:
            made = int(np.prod(shapes[int(node["outputs"][0])]))
            total += made * int(np.prod(shapes[int(node["inputs"][1])][per_output]))
    return total


_MACS_PER_OUTPUT = {
    "CONV_2D": slice(1, 4),  # kernel (out, height, width, in)
    "DEPTHWISE_CONV_2D": slice(1, 3),  # kernel (1, height, width, channels)
    "FULLY_CONNECTED": slice(1, 2),  # kernel (out, in)
}


def require_whole(name: str, found: Coverage) -> None:
    """Refuse a model that the delegate does not take whole.

    Raises:
        ConversionError: Something stays outside.
    """
    if not found.whole:
        graph = ", ".join(f"{count} {kind}" for kind, count in found.operators.items())
        raise ConversionError(
            f"{name}: the XNNPACK delegate takes {found.partitions} parts, not the whole graph ({graph})",
            "try another --scheme, or give --allow-partial to accept a slower model",
        )
