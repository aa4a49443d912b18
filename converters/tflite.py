"""Keras → bytes of a .tflite file, in one of four schemes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from converters.keras_files import library_of
from converters.network import Network
from edge_fer.errors import ConversionError

Floats = NDArray[np.float32]


def convert(network: Network, samples: Sequence[NDArray[np.uint8]] = ()) -> bytes:
    """Convert in the network's scheme.

    Args:
        samples: uint8 or float32 (1, height, width, channels), real numbers as the network's input takes them; needed
            for int8, unused otherwise.

    A network that is already a .tflite file stays as it is.

    Raises:
        ConversionError: The converter refused, or int8 has no samples.
    """
    if network.ready is not None:
        return network.ready
    converter = tf.lite.TFLiteConverter.from_keras_model(_with_batch(network))
    if network.scheme != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if network.scheme == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if network.scheme == "int8":
        if not len(samples):
            raise ConversionError(f"{network.stem}: int8 needs calibration samples", "give --photos")
        converter.representative_dataset = lambda: _representative(samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
    try:
        return _quiet_convert(converter, float_dense=network.scheme == "int8" and network.float_dense)
    except (ValueError, RuntimeError, tf.errors.OpError) as error:
        raise ConversionError(
            f"{network.stem}: TensorFlow cannot convert it to {network.scheme}: {str(error).splitlines()[0]}",
            "try another --scheme, or report it with the layers of the network",
        ) from error


def _with_batch(network: Network) -> Any:
    """The network with its batch size fixed where the converted model is to have it fixed."""
    if network.fixed_batch is None:
        return network.keras
    sides = tuple(side if side > 0 else network.smallest_side_px for side in network.input.shape[1:])
    library = library_of(network.keras)
    pixels = library.Input(sides, batch_size=network.fixed_batch, name="pixels")
    return library.Model(pixels, network.keras(pixels), name="converted")  # else Keras numbers it, run by run


def _representative(samples: Iterable[NDArray[Any]]) -> Iterator[list[Floats]]:
    for sample in samples:
        yield [np.asarray(sample, np.float32)]


def _quiet_convert(converter: Any, *, float_dense: bool) -> bytes:
    """Convert without Keras's account of the exported signature on standard output."""
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bytes(_partly_float(converter) if float_dense else converter.convert())


def _partly_float(converter: Any) -> bytes:
    """Convert to 8 bits but leave dense layers, input and output in float."""
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=["FULLY_CONNECTED"])
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter, debug_dataset=converter.representative_dataset, debug_options=options
    )
    return bytes(debugger.get_nondebug_quantized_model())
