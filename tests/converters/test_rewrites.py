"""PReLU behind pooling: the same numbers as before it, whatever the slopes."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from converters import mtcnn, mtcnn_files, rewrites

P_NET = mtcnn.STAGES["pnet"]


def with_slopes(slopes: np.ndarray, seed: int = 0) -> list[np.ndarray]:
    """The package's P-Net with other slopes behind its first convolution, and drawn ones behind the others."""
    weights = [np.array(part) for part in mtcnn_files.read(None)["pnet"].arrays]
    draw = np.random.default_rng(seed)
    weights[2] = np.asarray(slopes, np.float32).reshape(1, 1, 10)
    for index in (5, 8):
        weights[index] = draw.uniform(-1, 2, weights[index].shape).astype(np.float32)
    return weights


def unrewritten(weights: list[np.ndarray]) -> keras.Model:
    """Convolution, PReLU, pooling, convolution, PReLU, convolution, PReLU, heads, as the paper has them."""

    def add(layer: keras.Layer, x: object, *arrays: np.ndarray) -> object:
        y = layer(x)
        layer.set_weights(arrays)
        return y

    pixels = layers.Input((None, None, 3))
    x: object = layers.Rescaling(1 / mtcnn.STD, -mtcnn.MEAN / mtcnn.STD)(pixels)
    for index, channels in enumerate((10, 16, 32)):
        kernel, bias, slope = weights[3 * index : 3 * index + 3]
        x = add(layers.PReLU(shared_axes=[1, 2]), add(layers.Conv2D(channels, 3), x, kernel, bias), slope)
        x = layers.MaxPooling2D(2, 2, padding="same")(x) if index == 0 else x
    return keras.Model(pixels, add(layers.Conv2D(5, 1), x, *mtcnn.merged_heads(weights[9:])))


def scaled_difference(weights: list[np.ndarray], side_px: int) -> float:
    """Largest difference on noise, as a share of the largest output: drawn slopes make outputs of any size."""
    batch = np.random.default_rng(1).integers(0, 256, (2, side_px, side_px, 3)).astype(np.float32)
    expected = np.asarray(unrewritten(weights)(batch))
    found = np.asarray(mtcnn.rebuilt(P_NET, weights, "pnet")(batch))
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("slope", [-1.3, -1.0, -0.2, 0.0, 0.3, 1.0, 1.01, 2.5])
@pytest.mark.parametrize("side_px", [12, 25, 40])
def test_a_slope_of_each_kind(slope: float, side_px: int) -> None:
    """Negative, between 0 and 1, steeper than 1, and the borders; odd sides, where windows hang over the edge."""
    assert scaled_difference(with_slopes(np.full(10, slope)), side_px) < 1e-5


@pytest.mark.parametrize("seed", range(5))
def test_drawn_slopes(seed: int) -> None:
    """Kinds mixed, so that each output needs its own rule.

    Tolerance: float32 (1.2e-7) through three sums of up to 144 products.
    """
    slopes = np.random.default_rng(seed).uniform(-2, 2.5, 10)
    assert scaled_difference(with_slopes(slopes, seed), 40) < 1e-5


def test_the_package_s_own_slopes() -> None:
    """Six are negative, three lie between 0 and 1, one is 1.01."""
    weights = [np.array(part) for part in mtcnn_files.read(None)["pnet"].arrays]
    assert scaled_difference(weights, 60) < 1e-5


def test_one_more_output_for_each_negative_slope() -> None:
    """No more than that: the convolution runs on the full map."""
    kernel, bias = np.ones((3, 3, 3, 4), np.float32), np.arange(4, dtype=np.float32)
    late = rewrites.late_prelu(kernel, bias, np.array((-0.5, 0.5, 1.5, -2), np.float32))
    assert late.kernel.shape == (3, 3, 3, 6)
    assert late.bias.tolist() == [0, 1, 2, 3, 0, -3]
    assert late.sign.tolist() == [1, 1, -1, 1]
