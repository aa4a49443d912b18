"""MTCNN: exact rewrites, both file layouts, bad files, the cascade's gate."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import joblib
import numpy as np
import pytest

from converters import conversion, evaluate, mtcnn, mtcnn_files
from converters.detector_trial import DetectorTrial
from converters.network import Network
from converters.parity import GateError
from edge_fer.errors import SourceError
from edge_fer.tflite import manifest
from edge_fer.tflite.model import Model

SIDES = {"pnet": 60, "rnet": 24, "onet": 48}


def pixels(stem: str, count: int = 3) -> np.ndarray:
    """Smooth noise: pictures, not static."""
    draw = np.random.default_rng(3)
    coarse = draw.integers(0, 256, (count, SIDES[stem] // 6, SIDES[stem] // 6, 3)).astype(np.float32)
    return coarse.repeat(6, axis=1).repeat(6, axis=2)


def package_answer(stem: str, batch: np.ndarray) -> np.ndarray:
    """(n, h, w, outputs) in our layout, from the package's own network on normalized pixels."""
    import mtcnn.network.onet  # noqa: PLC0415
    import mtcnn.network.pnet  # noqa: PLC0415
    import mtcnn.network.rnet  # noqa: PLC0415

    kinds = {
        "pnet": mtcnn.network.pnet.PNet,
        "rnet": mtcnn.network.rnet.RNet,
        "onet": mtcnn.network.onet.ONet,
    }
    network = kinds[stem]()
    network.build()
    network.set_weights(joblib.load(mtcnn_files.installed_folder() / f"{stem}.lz4"))
    *regressions, scores = (np.asarray(part) for part in network((batch - 127.5) / 128))
    logit = np.log(scores[..., 1:]) - np.log(scores[..., :1])
    answer = np.concatenate((logit, *regressions), axis=-1)
    return answer if stem == "pnet" else answer[:, None, None]


@pytest.fixture(scope="module")
def networks() -> dict[str, Network]:
    """From the installed package."""
    return {network.stem: network for network in mtcnn.networks(mtcnn_files.read(None))}


@pytest.mark.parametrize("stem", ["pnet", "rnet", "onet"])
def test_rewrites_change_nothing(networks: dict[str, Network], stem: str) -> None:
    """Raw pixels in, one output, and the package's own numbers come out.

    Tolerance: float32 sums of up to 1,152 products in another order, through logits of up to 20.
    """
    batch = pixels(stem)
    ours = np.asarray(networks[stem].keras(batch, training=False))
    assert np.allclose(ours, package_answer(stem, batch), atol=2e-3)
    assert np.allclose(ours[..., 1:], package_answer(stem, batch)[..., 1:], atol=1e-4)


@pytest.mark.parametrize("stem", ["pnet", "rnet", "onet"])
def test_split_prelu_is_prelu(networks: dict[str, Network], stem: str) -> None:
    """The form that XNNPACK takes in 8 bits gives the same numbers."""
    weights = mtcnn_files.read(None)[stem].arrays
    split = mtcnn.rebuilt(mtcnn.STAGES[stem], weights, stem, split=True)
    batch = pixels(stem)
    assert np.allclose(split(batch), networks[stem].keras(batch), atol=1e-3)


def as_dictionary(stem: str) -> dict[str, dict[str, np.ndarray]]:
    """The package's weights as det?.npy holds them: pictures transposed, heads in another order."""
    arrays = [np.asarray(array) for array in mtcnn_files.read(None)[stem].arrays]
    _, convolutions, dense, heads = mtcnn_files._DICTIONARIES[stem]
    found: dict[str, dict[str, np.ndarray]] = {}
    for index, name in enumerate((*convolutions, *dense), 1):
        kernel, bias, slope = arrays[:3]
        del arrays[:3]
        kernel = kernel if name in dense else kernel.transpose(1, 0, 2, 3)
        found[name] = {"weights": kernel, "biases": bias}
        found[f"PReLU{index}"] = {"alpha": slope.reshape(-1)}
    for name in heads:
        found[name] = {"weights": arrays.pop(0), "biases": arrays.pop(0)}
    return found


@pytest.fixture
def dictionaries(tmp_path: Path) -> Path:
    """A folder of det1.npy, det2.npy, det3.npy."""
    for stem, entry in mtcnn_files._DICTIONARIES.items():
        np.save(tmp_path / entry[0], as_dictionary(stem), allow_pickle=True)  # type: ignore[arg-type]
    return tmp_path


def test_both_layouts_hold_the_same_network(dictionaries: Path) -> None:
    """det1.npy … det3.npy of other projects, from transposed pictures, become the package's arrays."""
    package, other = mtcnn_files.read(None), mtcnn_files.read(dictionaries)
    for stem in mtcnn.STAGES:
        for ours, theirs in zip(package[stem].arrays, other[stem].arrays, strict=True):
            assert np.array_equal(ours, theirs)


class Harmful:
    """Unpickling this calls a function."""

    def __reduce__(self) -> tuple[object, ...]:
        return print, ("run",)


def test_a_dictionary_with_code_is_refused(dictionaries: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A .npy file is a pickle; what asks for more than arrays is not run."""
    np.save(dictionaries / "det1.npy", {"conv1": Harmful()}, allow_pickle=True)  # type: ignore[arg-type]
    with pytest.raises(SourceError, match=r"det1\.npy.*no weights need"):
        mtcnn_files.read(dictionaries)
    assert capsys.readouterr().out == ""


def test_a_foreign_dictionary_is_refused(dictionaries: Path) -> None:
    """Layers of another network."""
    np.save(dictionaries / "det2.npy", as_dictionary("pnet"), allow_pickle=True)  # type: ignore[arg-type]
    with pytest.raises(SourceError, match=r"det2\.npy"):
        mtcnn_files.read(dictionaries)


@pytest.fixture
def package_files(tmp_path: Path) -> Path:
    """A copy of the package's weights, to be damaged."""
    for stem in mtcnn.STAGES:
        shutil.copy(mtcnn_files.installed_folder() / f"{stem}.lz4", tmp_path)
    return tmp_path


def test_a_cut_off_file_is_refused(package_files: Path) -> None:
    """The message names it; exit code 65."""
    path = package_files / "rnet.lz4"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(SourceError, match=r"rnet\.lz4.*cut off") as caught:
        mtcnn_files.read(package_files)
    assert caught.value.exit_code == 65


def test_a_missing_file_is_named(package_files: Path) -> None:
    """Which one."""
    (package_files / "onet.lz4").unlink()
    with pytest.raises(SourceError, match=r"onet\.lz4: no such file"):
        mtcnn_files.read(package_files)


def test_weights_of_another_network_are_refused(package_files: Path) -> None:
    """The first shape that differs, expected and found."""
    shutil.copy(package_files / "onet.lz4", package_files / "rnet.lz4")
    with pytest.raises(SourceError, match="expected"):
        mtcnn_files.read(package_files)


def test_weights_that_are_no_numbers_are_refused(package_files: Path) -> None:
    """NaN in a kernel."""
    arrays = joblib.load(package_files / "pnet.lz4")
    arrays[0][0, 0, 0, 0] = np.nan
    joblib.dump(arrays, package_files / "pnet.lz4", compress="lz4")
    with pytest.raises(SourceError, match="not finite"):
        mtcnn_files.read(package_files)


def test_the_shipped_schemes_pass_twice_with_the_same_bytes(networks: dict[str, Network], tmp_path: Path) -> None:
    """The gate passes on the portraits that ship, the delegate takes all, and a second run changes no bit.

    What was measured on these bytes in between stays in the manifests; measured on others, it would go.
    """
    trial = DetectorTrial(None, 12)
    first = conversion.convert(tuple(networks.values()), trial, tmp_path / "a", made_by="test")
    evaluate.write({"recall": 0.75}, tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    conversion.convert(tuple(networks.values()), trial, tmp_path / "b", made_by="test")
    assert all(model.coverage.whole for model in first.models)
    kept = manifest.load(tmp_path / "b" / "pnet.tflite")
    assert kept.quality == {"recall": 0.75}
    assert any(note.startswith("quality: ") for note in kept.notes)
    (tmp_path / "c").mkdir()
    assert conversion._same_before(first.models, tmp_path / "c") == {}
    foreign = dataclasses.replace(first.models[0], manifest=kept.model_copy(update={"sha256": "0" * 64}))
    assert conversion._same_before([foreign, *first.models[1:]], tmp_path / "b") == {}
    for stem in mtcnn.STAGES:
        path = Path(f"{stem}.tflite")
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()
        assert (tmp_path / "a" / f"{stem}.json").read_bytes() == (tmp_path / "b" / f"{stem}.json").read_bytes()
        batch = pixels(stem, 1)
        keras_answer = np.asarray(networks[stem].keras(batch))
        converted = Model(tmp_path / "a" / path)(batch)[0]
        assert converted.shape == keras_answer.shape
        assert np.abs(converted - keras_answer).max() < (1e-3 if stem == "pnet" else 0.5)


def test_all_in_8_bits_is_refused(tmp_path: Path) -> None:
    """One scale for logits and offsets is too coarse: the gate says so and the good models stay."""
    (tmp_path / "pnet.tflite").write_bytes(b"good")
    networks = mtcnn.networks(mtcnn_files.read(None), dict.fromkeys(mtcnn.SCHEMES, "int8"))
    with pytest.raises(GateError, match=r"boxes_at_iou_0\.9") as caught:
        conversion.convert(networks, DetectorTrial(None, 8), tmp_path, made_by="test")
    assert caught.value.exit_code == 73
    assert [path.name for path in tmp_path.iterdir()] == ["pnet.tflite"]
    assert (tmp_path / "pnet.tflite").read_bytes() == b"good"
