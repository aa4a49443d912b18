"""Labeled pictures of faces, to see what a conversion costs a classifier."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from converters import parity
from converters.network import Network
from converters.trials import Verdict, run_converted, run_original
from edge_fer.errors import SourceError
from edge_fer.vision.alignment import model_input

SURE = 0.85
"""Rows with a lower label_match, where there is such an array, are left out (data README)."""

MOST_POINTS = 0.5
"""Loss of accuracy that a conversion may cost. Stated with the project's aims."""


@dataclass(frozen=True, eq=False)
class LabeledTrial:
    """The `more` of a FaceTrial: agreement and accuracy on an .npz with images, label7 and label7_names.

    Labels that the network knows and the pictures do not (such as tired) are left out of the contest.
    """

    path: Path

    def __call__(self, network: Network, path: Path) -> Verdict:
        images, truth, names = _read(self.path)
        labels = network.output.labels
        missing = set(names) - set(labels)
        if missing:
            raise SourceError(
                f"{self.path}: labels {', '.join(sorted(missing))} are none of the network's", "rename one"
            )
        size = network.input.shape[2], network.input.shape[1]
        inputs = [
            model_input(
                np.asarray(cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), cv2.COLOR_GRAY2RGB)),
                network.input,
            )
            for image in images
        ]
        columns = [labels.index(name) for name in names]
        original = run_original(network, inputs)[:, columns]
        converted = run_converted(path, inputs)[:, columns]
        before, after = (float((answer.argmax(axis=1) == truth).mean()) for answer in (original, converted))
        agreement = float((original.argmax(axis=1) == converted.argmax(axis=1)).mean())
        return Verdict(
            checks=(
                parity.Check("label_agreement_labeled", agreement, "min", parity.LABEL_AGREEMENT, parity.AIMS),
                parity.accuracy_change(before, after, MOST_POINTS),
            ),
            quality={"accuracy": round(after, 4), "accuracy_float": round(before, 4)},
            notes=(f"quality: {len(truth)} pictures of {self.path.parent.name}/{self.path.name}, {len(names)} labels",),
        )


def _read(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64], tuple[str, ...]]:
    hint = "give an .npz with images uint8 (n, h, w), label7 (n,) and label7_names"
    try:
        with np.load(path) as stored:
            images, truth = stored["images"], stored["label7"].astype(np.int64)
            names = tuple(str(name) for name in stored["label7_names"])
            sure = stored["label_match"] >= SURE if "label_match" in stored else np.ones(len(images), bool)
    except (OSError, KeyError, ValueError) as error:
        raise SourceError(f"{path}: {error}", hint) from error
    return images[sure], truth[sure], names
