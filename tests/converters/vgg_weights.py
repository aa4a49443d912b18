"""VGG-Face files with seeded random weights, in the exact layout of each project; and a forward pass of its own.

The dense layers are declared in full size but not stored (HDF5 fills them with zeros) unless a test asks for them: the
real files have 580 MB.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from converters.vggface_files import CONVOLUTIONS, DENSE, shapes

Floats = NDArray[np.float32]
Weights = dict[str, tuple[Floats, Floats]]


def random_weights(names: tuple[str, ...] = CONVOLUTIONS, seed: int = 7) -> Weights:
    """Kernels (h, w, in, out) and biases that keep activations near their size (He et al. 2015)."""
    draw = np.random.default_rng(seed)
    found = {}
    for name in names:
        shape = shapes()[name]
        fan_in = shape[0] * shape[1] * shape[2]
        kernel = draw.standard_normal(shape, np.float32) * np.float32((2 / fan_in) ** 0.5)
        found[name] = kernel, draw.normal(0, 0.05, shape[3]).astype(np.float32)
    return found


def write_keras_vggface(path: Path, weights: Weights, *, top: bool) -> None:
    """keras-vggface: groups by layer name, layers without weights listed too; fc6 … fc8 dense."""
    names = ["input_1"]
    for block in range(1, 6):
        names += [name for name in CONVOLUTIONS if name.startswith(f"conv{block}_")] + [f"pool{block}"]
    if top:
        names += ["flatten", "fc6", "fc6/relu", "fc7", "fc7/relu", "fc8", "fc8/softmax"]
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in names]
        file.attrs["backend"] = b"tensorflow"
        for name in names:
            group = file.require_group(name)
            if name not in shapes():
                group.attrs["weight_names"] = np.array([], "S1")
                continue
            shape = shapes()[name]
            flat = shape if name in CONVOLUTIONS else (shape[0] * shape[1] * shape[2], shape[3])
            _put(group, name, weights.get(name), flat)


def write_deepface(path: Path, weights: Weights) -> None:
    """deepface: a Sequential of paddings, convolutions, poolings and dropouts under Keras's own numbers."""
    names: list[tuple[str, str | None]] = []
    for index, name in enumerate((*CONVOLUTIONS, *DENSE), 1):
        if name in CONVOLUTIONS:
            names.append((f"zero_padding2d_{index}", None))
        names.append((f"conv2d_{index}", name))
        if name in ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3"):
            names.append((f"max_pooling2d_{name[4]}", None))
    names += [("flatten_1", None), ("activation_1", None)]
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name, _ in names]
        for stored, ours in names:
            group = file.require_group(stored)
            if ours is None:
                group.attrs["weight_names"] = np.array([], "S1")
            else:
                _put(group, stored, weights.get(ours), shapes()[ours])


def write_matconvnet(path: Path, weights: Weights, *, wrapped: bool) -> None:
    """MatConvNet: struct array `layers` with type, name, weights; `wrapped` in `net` as Oxford's own file has it."""
    from scipy.io import savemat  # type: ignore[import-untyped]  # noqa: PLC0415

    layers = []
    for name in CONVOLUTIONS:
        pair = np.empty(2, object)
        pair[:] = weights[name][0], weights[name][1].reshape(1, -1)
        layers.append({"type": "conv", "name": name, "weights": pair, "pad": [1, 1, 1, 1], "stride": [1, 1]})
        layers.append({"type": "relu", "name": f"relu{name[4:]}"})
    cells = np.empty(len(layers), object)
    cells[:] = layers
    mean = np.array((129.1863, 104.7624, 93.5940), np.float32).reshape(1, 1, 3)
    net = {"layers": cells, "meta": {"normalization": {"averageImage": mean, "imageSize": [224, 224, 3]}}}
    savemat(path, {"net": net} if wrapped else net, do_compression=False)


def forward(weights: Weights, picture: Floats, descriptor: str = "pool5-gap") -> Floats:
    """VGG16 written once more, in numpy only: (224, 224, 3) → (512,) or (4096,)."""
    x = picture
    for name in CONVOLUTIONS:
        x = np.maximum(_conv(np.pad(x, ((1, 1), (1, 1), (0, 0))), *weights[name]), 0)
        if name in ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3"):
            height, width, channels = x.shape
            x = x.reshape(height // 2, 2, width // 2, 2, channels).max(axis=(1, 3))
    if descriptor == "pool5-gap":
        return np.asarray(x.mean(axis=(0, 1)), np.float32)
    for name in ("fc6", "fc7"):
        kernel, bias = weights[name]
        x = np.maximum(x.reshape(-1) @ kernel.reshape(-1, kernel.shape[3]) + bias, 0)
    return np.asarray(x, np.float32)


def _conv(x: Floats, kernel: Floats, bias: Floats) -> Floats:
    """'valid' convolution of (h, w, in): one matrix product per kernel position, summed."""
    rows, columns = x.shape[0] - kernel.shape[0] + 1, x.shape[1] - kernel.shape[1] + 1
    total = np.zeros((rows, columns, kernel.shape[3]), np.float32)
    for dy in range(kernel.shape[0]):
        for dx in range(kernel.shape[1]):
            total += x[dy : dy + rows, dx : dx + columns] @ kernel[dy, dx]
    return total + bias


def _put(group: h5py.Group, name: str, pair: tuple[Floats, Floats] | None, shape: tuple[int, ...]) -> None:
    kernel_name, bias_name = f"{name}/kernel:0", f"{name}/bias:0"
    group.attrs["weight_names"] = [kernel_name.encode(), bias_name.encode()]
    if pair is None:
        group.create_dataset(kernel_name, shape, "f4")
        group.create_dataset(bias_name, shape[-1:], "f4")
    else:
        group.create_dataset(kernel_name, data=pair[0].reshape(shape))
        group.create_dataset(bias_name, data=pair[1])
