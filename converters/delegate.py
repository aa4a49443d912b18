"""Does the XNNPACK delegate take the whole graph of a model file?

One operator outside it costs two copies and a reference kernel, which can be slower than the rest of the network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ai_edge_litert.interpreter import Interpreter

from edge_fer.errors import ConversionError


@dataclass(frozen=True)
class Coverage:
    """What became of a graph.

    Attributes:
        operators: Kinds of operators in the file, with their counts.
        partitions: Number of parts that the delegate took.
        whole: One partition from the graph's inputs to its outputs, nothing outside.
    """

    operators: dict[str, int]
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
    return Coverage(dict(sorted(operators.items())), len(delegated), whole)


def _spans(part: dict[str, Any], nodes: Sequence[dict[str, Any]], inputs: set[int], outputs: set[int]) -> bool:
    """Whether `part` reads nothing computed but the graph's inputs, and computes all its outputs."""
    computed = {int(tensor) for node in nodes for tensor in node["outputs"]}
    read, made = ({int(tensor) for tensor in part[side]} for side in ("inputs", "outputs"))
    return inputs <= read and not read & computed and outputs <= made


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
