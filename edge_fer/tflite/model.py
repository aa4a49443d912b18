"""Model file → function on arrays. The only file that uses LiteRT and tflite-runtime.

An interpreter is not thread-safe: one thread owns a `Model`. `invoke` releases the GIL.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_fer.errors import InferenceError, ModelError
from edge_fer.tflite import delegate_notice
from edge_fer.tflite import manifest as manifests
from edge_fer.tflite.manifest import Manifest

try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:  # 32-bit Raspberry Pi OS has only the older package
    from tflite_runtime.interpreter import Interpreter

Floats = NDArray[np.float32]


class Model:
    """One .tflite file, with its manifest and the time spent inside it.

    Args:
        path: The .tflite file; its manifest is next to it.
        threads: XNNPACK threads.

    Attributes:
        manifest: Of the model.
        invoke_s: Seconds inside the runtime so far.
        invocations: Number of calls so far.

    Raises:
        ModelError: Files are missing or changed, or the model does not fit its manifest.
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        self.manifest: Manifest = manifests.load(path)
        self.invoke_s = 0.0
        self.invocations = 0
        try:
            with delegate_notice.suppressed():
                self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(
                f"{path}: the runtime cannot load it: {str(error).splitlines()[0]}",
                "convert it again for the installed ai-edge-litert or tflite-runtime",
            ) from error
        self._input: dict[str, Any] = self._interpreter.get_input_details()[0]
        self._outputs: list[dict[str, Any]] = self._interpreter.get_output_details()
        self._shape = tuple(map(int, self._input["shape"]))
        self._check_input(path)

    def _check_input(self, path: Path) -> None:
        expected = self.manifest.input.shape
        actual = tuple(int(side) for side in self._input["shape_signature"])
        fits = len(actual) == len(expected) and all(
            -1 in (a, e) or a == e for a, e in zip(actual, expected, strict=True)
        )
        if not fits:
            raise ModelError(
                f"{path}: takes input of shape {actual} but its manifest says {expected}",
                "convert the model again with edge-fer-convert",
            )

    def __call__(self, batch: NDArray[Any]) -> tuple[Floats, ...]:
        """Run the model.

        Args:
            batch: (n, height, width, channels), real numbers as the manifest's input defines them (raw 0–255 where it
                has no mean and std); uint8 or float32. Another shape than in the last call resizes the interpreter.

        Returns:
            The outputs as float32, dequantized, in the model's order.

        Raises:
            InferenceError: The runtime failed, or an output is not finite.
        """
        values = self._quantized(batch)
        try:
            if self._shape != values.shape:
                self._interpreter.resize_tensor_input(self._input["index"], values.shape)
                self._interpreter.allocate_tensors()
                self._shape = values.shape
            # written directly into the runtime's buffer, bytes converted to floats on the way: no copy in between
            np.copyto(self._interpreter.tensor(self._input["index"])(), values)
            started_s = time.perf_counter()
            self._interpreter.invoke()
            self.invoke_s += time.perf_counter() - started_s
            self.invocations += 1
            outputs = tuple(self._dequantized(detail) for detail in self._outputs)
        except (ValueError, RuntimeError) as error:
            raise InferenceError(
                f"{self.manifest.file}: inference failed: {str(error).splitlines()[0]}",
                "report it with the model's manifest",
            ) from error
        if not all(np.isfinite(output).all() for output in outputs):
            raise InferenceError(f"{self.manifest.file}: an output is not a number", "convert the model again")
        return outputs

    def _quantized(self, batch: NDArray[Any]) -> NDArray[Any]:
        dtype = self._input["dtype"]
        if dtype == np.float32:
            return batch
        scale, zero_point = self._input["quantization"]
        if batch.dtype == np.uint8 and scale == 1.0 and zero_point == -128 and dtype == np.int8:
            return np.asarray(np.bitwise_xor(batch, 0x80).view(np.int8))  # v − 128 in 8 bits
        info = np.iinfo(dtype)
        steps = np.rint(np.asarray(batch, np.float32) / np.float32(scale)) + zero_point
        return np.asarray(np.clip(steps, info.min, info.max), dtype)

    def _dequantized(self, detail: dict[str, Any]) -> Floats:
        values = self._interpreter.get_tensor(detail["index"])
        if values.dtype == np.float32:
            return np.asarray(values)
        scale, zero_point = detail["quantization"]
        return np.asarray((values.astype(np.float32) - np.float32(zero_point)) * np.float32(scale), np.float32)
