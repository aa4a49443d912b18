"""VGG-Face: four layouts with random weights, against a forward pass of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from converters import conversion, trials, vggface, vggface_files
from converters.calibration import Faces
from edge_fer.errors import SourceError
from tests.converters import vgg_weights as files

MEAN_BGR = (93.5940, 104.7624, 129.1863)


@pytest.fixture(scope="module")
def weights() -> files.Weights:
    """The 13 convolutions."""
    return files.random_weights()


@pytest.fixture(scope="module")
def picture() -> files.Floats:
    """One input, in the range that a mean leaves."""
    return np.random.default_rng(1).uniform(-120, 150, (224, 224, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def expected(weights: files.Weights, picture: files.Floats) -> files.Floats:
    """What numpy makes of it."""
    return files.forward(weights, picture)


def keras_notop(path: Path, weights: files.Weights) -> Path:
    files.write_keras_vggface(path / "rcmalli_vggface_tf_notop_vgg16.h5", weights, top=False)
    return path / "rcmalli_vggface_tf_notop_vgg16.h5"


def keras_top(path: Path, weights: files.Weights) -> Path:
    files.write_keras_vggface(path / "rcmalli_vggface_tf_vgg16.h5", weights, top=True)
    return path / "rcmalli_vggface_tf_vgg16.h5"


def deepface(path: Path, weights: files.Weights) -> Path:
    files.write_deepface(path / "vgg_face_weights.h5", weights)
    return path / "vgg_face_weights.h5"


def oxford(path: Path, weights: files.Weights) -> Path:
    files.write_matconvnet(path / "vgg_face.mat", weights, wrapped=True)
    return path / "vgg_face.mat"


def vlfeat(path: Path, weights: files.Weights) -> Path:
    files.write_matconvnet(path / "vgg-face.mat", weights, wrapped=False)
    return path / "vgg-face.mat"


@pytest.mark.parametrize(
    ("written", "color", "mean", "std"),
    [
        (keras_notop, "bgr", MEAN_BGR, ()),
        (keras_top, "bgr", MEAN_BGR, ()),
        (deepface, "bgr", (), (255.0, 255.0, 255.0)),
        (oxford, "rgb", MEAN_BGR[::-1], ()),
        (vlfeat, "rgb", MEAN_BGR[::-1], ()),
    ],
)
def test_every_layout_gives_the_same_descriptor(  # noqa: PLR0917 (fixtures and parameters)
    written: Callable[[Path, files.Weights], Path],
    color: str,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    weights: files.Weights,
    picture: files.Floats,
    expected: files.Floats,
    tmp_path: Path,
) -> None:
    """Kernels arrive in the right order of axes, and the manifest states the publisher's preprocessing.

    Tolerance: float32 sums of up to 4,608 products, 13 layers deep, relative to the largest activation.
    """
    network = vggface.network(written(tmp_path, weights))
    answer = np.asarray(network.keras(picture[None]))[0]
    assert answer.shape == (512,)
    assert np.abs(answer - expected).max() < 1e-5 * np.abs(expected).max()
    assert network.input.color == color
    assert network.input.mean == pytest.approx(mean, abs=1e-3)
    assert network.input.std == std
    assert "NC" in network.source.license


def test_the_dense_layers_are_flattened_row_by_row(
    weights: files.Weights, picture: files.Floats, tmp_path: Path
) -> None:
    """fc6 of keras-vggface as a convolution: one position of pool5 at a time lands on its own numbers."""
    draw = np.random.default_rng(3)
    dense = draw.normal(0, 0.01, (25_088, 4096)).astype(np.float32)
    path = tmp_path / "fc6.h5"
    with h5py.File(path, "w") as file:
        names = [*vggface_files.CONVOLUTIONS, "fc6"]
        file.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            pair = weights.get(name, (dense, np.zeros(4096, np.float32)))
            files._put(file.require_group(name), name, pair, pair[0].shape)
    opened = vggface_files.open_file(path)
    kernel, _ = opened.layer("fc6")
    opened.close()
    assert kernel.shape == (7, 7, 512, 4096)
    row, column, channel = 2, 5, 100
    assert np.array_equal(kernel[row, column, channel], dense[(row * 7 + column) * 512 + channel])


def test_a_layer_that_is_not_there_is_named(weights: files.Weights, tmp_path: Path) -> None:
    """fc7 from a file without a top."""
    with pytest.raises(SourceError, match="has no fc6"):
        vggface.network(keras_notop(tmp_path, weights), "fc7")


def test_wrong_shapes_are_named(weights: files.Weights, tmp_path: Path) -> None:
    """Layer, found and expected shape."""
    path = keras_notop(tmp_path, weights)
    with h5py.File(path, "r+") as file:
        group = file["conv2_1"]
        del group["conv2_1/kernel:0"]
        group.create_dataset("conv2_1/kernel:0", (3, 3, 64, 100), "f4")
    with pytest.raises(SourceError, match=r"conv2_1 is \(3, 3, 64, 100\).*expected \(3, 3, 64, 128\)"):
        vggface.network(path)


@pytest.mark.parametrize("written", [keras_notop, oxford])
@pytest.mark.parametrize("share", [0.001, 0.5])
def test_a_cut_off_file_is_refused(
    written: Callable[[Path, files.Weights], Path], share: float, weights: files.Weights, tmp_path: Path
) -> None:
    """Exit code 65, the file's name."""
    path = written(tmp_path, weights)
    with path.open("r+b") as file:
        file.truncate(int(share * path.stat().st_size))
    with pytest.raises(SourceError, match=path.name) as caught:
        vggface.network(path)
    assert caught.value.exit_code == 65


def test_another_network_is_refused(tmp_path: Path) -> None:
    """A Keras weights file with other layers."""
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"dense_1"]
        files._put(file.require_group("dense_1"), "dense_1", None, (3, 4))
    with pytest.raises(SourceError, match="no VGG-Face weights"):
        vggface.network(path)


def test_a_user_without_a_file_is_told(tmp_path: Path) -> None:
    """Where each file is published, what it holds, and under which license."""
    text = vggface.where_to_get()
    for offer in vggface.PUBLISHED:
        assert offer.url in text
    assert vggface.LICENSE in text
    with pytest.raises(SourceError, match="keras-vggface"):
        vggface.published("nobody")
    with pytest.raises(SourceError, match="no such file"):
        vggface.network(tmp_path / "nowhere.h5")


def test_the_descriptor_converts_to_8_bits(weights: files.Weights, portraits: Faces, tmp_path: Path) -> None:
    """At most 15.5 MB, whole in the delegate, cosine to float at least 0.99 at the first percentile."""
    network = vggface.network(keras_notop(tmp_path, weights))
    few = Faces(portraits.calibration[:10], portraits.probe[:5], portraits.origin)
    trial = trials.FaceTrial(few, trials.embedding_judge(vggface.WORST_COSINE))
    (model,) = conversion.convert([network], trial, tmp_path / "out", made_by="test").models
    assert model.manifest.size_bytes < 15.5e6
    assert model.coverage.whole
    assert model.manifest.macs == pytest.approx(15.347e9, rel=0.001)
    assert model.manifest.parity["cosine_p1"] >= 0.99
