"""What a converted network is calibrated on and judged by, one class per kind of network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from converters import identity_figures, parity
from converters.calibration import Face, Faces
from converters.lfw import LabeledFaces
from converters.network import Network
from converters.parity import Check
from converters.progress import track
from converters.verification import unit
from edge_fer.tflite.model import Model

Floats = NDArray[np.float32]
Batch = NDArray[Any]

_BATCH = 4
"""Pictures at once through an original: the first maps of a VGG16 take 13 MB each."""


@dataclass(frozen=True)
class Verdict:
    """What a trial found.

    Attributes:
        checks: Figures with limits: one that fails refuses the model.
        quality: Figures on labeled data, for the manifest.
        thresholds: Operating points measured on them; they replace those of the network.
        notes: Which data, how many.
    """

    checks: tuple[Check, ...]
    quality: dict[str, float] = field(default_factory=dict)
    thresholds: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __add__(self, other: Verdict) -> Verdict:
        return Verdict(
            self.checks + other.checks,
            self.quality | other.quality,
            self.thresholds | other.thresholds,
            self.notes + other.notes,
        )


class Inputs(Sequence[Batch]):
    """(1, height, width, channels) of each face, made by the run time's own code whenever it is asked for.

    Args:
        network: Says which crop and which numbers.
        mirrored: Of the mirror images.
    """

    def __init__(self, network: Network, faces: Sequence[Face], *, mirrored: bool = False) -> None:
        assert network.crop is not None  # a network that takes faces says where their landmarks lie
        self._crop, self._contract = network.crop, network.input
        self._faces = [(face, mirrored) for face in faces]

    def __len__(self) -> int:
        return len(self._faces)

    @overload
    def __getitem__(self, index: int) -> Batch: ...

    @overload
    def __getitem__(self, index: slice) -> list[Batch]: ...

    def __getitem__(self, index: int | slice) -> Batch | list[Batch]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        face, mirrored = self._faces[index]
        pixels = face.input(self._crop, self._contract)
        return np.ascontiguousarray(pixels[:, :, ::-1]) if mirrored else pixels

    def __add__(self, other: Inputs) -> Inputs:
        both = copy(self)
        both._faces = self._faces + other._faces
        return both


class Trial(Protocol):
    """Evidence for one conversion.

    Attributes:
        origin: Whose faces calibrate.
        probe_count: How many inputs the checks are made on.
    """

    origin: str
    probe_count: int

    def samples(self, network: Network) -> Sequence[Batch]:
        """Calibration inputs (1, height, width, channels), real numbers as the network's input takes them."""

    def verdict(self, networks: Sequence[Network], folder: Path) -> Verdict:
        """Compare the Keras originals with the converted files in `folder`."""


def run_original(network: Network, inputs: Sequence[Batch]) -> Floats:
    """(n, outputs) of the Keras network on inputs (1, height, width, channels)."""
    answers = []
    for start in track(range(0, len(inputs), _BATCH), f"{network.stem}: original"):
        batch = np.concatenate(inputs[start : start + _BATCH]).astype(np.float32)
        answers.append(np.asarray(network.keras(batch, training=False)).reshape(len(batch), -1))
    return np.concatenate(answers)


def run_converted(path: Path, inputs: Sequence[Batch]) -> Floats:
    """(n, outputs) of a .tflite file through the run time, one input at a time as the daemon does it."""
    model = Model(path)
    return np.stack([model(one)[0].reshape(-1) for one in track(inputs, f"{path.stem}: converted")])


@dataclass(eq=False)
class FaceTrial:
    """A network that takes aligned faces.

    Args:
        faces: For calibration and, apart from these, for the comparison.
        judge: From the outputs of the original and of the converted network, (n, outputs) each, on the probe faces.
        more: A further judgment on data of its own, such as labeled pairs: gets the network and the converted file.
    """

    faces: Faces
    judge: Callable[[Floats, Floats], tuple[Check, ...]]
    more: Callable[[Network, Path], Verdict] | None = None

    def __post_init__(self) -> None:
        self.origin = self.faces.origin
        self.probe_count = len(self.faces.probe)

    def samples(self, network: Network) -> Sequence[Batch]:
        """Each face and its mirror image: a network sees both, and the ranges are measured on twice as many."""
        return Inputs(network, self.faces.calibration) + Inputs(network, self.faces.calibration, mirrored=True)

    def verdict(self, networks: Sequence[Network], folder: Path) -> Verdict:
        (network,) = networks
        path = folder / f"{network.stem}.tflite"
        probe = Inputs(network, self.faces.probe)
        found = Verdict(self.judge(run_original(network, probe), run_converted(path, probe)))
        return found if self.more is None else found + self.more(network, path)


@dataclass(eq=False)
class ArrayTrial:
    """A network that takes vectors, such as embeddings; rows are split like faces are.

    Args:
        rows: float32 (n, d).
        origin: Where they are from.
        judge: As in FaceTrial.
    """

    rows: Floats
    origin: str
    judge: Callable[[Floats, Floats], tuple[Check, ...]]

    def __post_init__(self) -> None:
        shaped = self.rows.reshape(len(self.rows), 1, 1, -1).astype(np.float32)
        self._probe = [row[None] for row in shaped[0::4]]
        self._calibration = [row[None] for index, row in enumerate(shaped) if index % 4]
        self.probe_count = len(self._probe)

    def samples(self, network: Network) -> Sequence[Batch]:  # noqa: ARG002 (the same for any network)
        return self._calibration

    def verdict(self, networks: Sequence[Network], folder: Path) -> Verdict:
        (network,) = networks
        converted = run_converted(folder / f"{network.stem}.tflite", self._probe)
        return Verdict(self.judge(run_original(network, self._probe), converted))


def embedding_judge(worst: float) -> Callable[[Floats, Floats], tuple[Check, ...]]:
    """Judge by cosine; `worst` is the limit at the first percentile."""
    return lambda original, converted: parity.embeddings(original, converted, worst)


def classifier_judge(original: Floats, converted: Floats) -> tuple[Check, ...]:
    """Judge by the labels."""
    return (parity.labels(original, converted),)


@dataclass(eq=False)
class VerificationTrial:
    """Labeled pairs, as the `more` of a FaceTrial: accuracy against the original's, and thresholds."""

    faces: LabeledFaces
    name: str
    most_points: float = 0.2

    def __call__(self, network: Network, path: Path) -> Verdict:
        everybody = tuple(self.faces.faces.values())
        single, mirrored = Inputs(network, everybody), Inputs(network, everybody, mirrored=True)
        original = run_original(network, single)
        converted = run_converted(path, single)
        figures = identity_figures.measure(converted, run_converted(path, mirrored), self.faces)
        accuracy = identity_figures.accuracy(unit(original), self.faces)
        cosines = (unit(original) * unit(converted)).sum(axis=1)
        note = (
            f"quality and thresholds: {len(self.faces.pairs)} pairs and {len(single)} photos of {self.name}, "
            f"{len(self.faces.not_found)} without a detected face"
        )
        quality = figures.quality | {
            "accuracy_single_float": round(accuracy, 4),
            "cosine_to_float_worst": round(float(cosines.min()), 5),
        }
        loss = parity.accuracy_change(accuracy, figures.quality["accuracy_single"], self.most_points)
        return Verdict((loss,), quality, figures.thresholds, (note,))
