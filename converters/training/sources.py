"""What the later stages train on: FER2013 with networks' opinions, drivers, and portraits with closed eyes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from converters.training import eyes, tired
from converters.training.feed import Samples, plain_batch
from converters.training.fitting import Recipe
from converters.training.labels import BASIC, LABELS, TIRED

Floats = NDArray[np.float32]

YAWN_TIRED = 0.92
"""Tired's share of a yawn's target; the rest goes evenly to all labels."""

CLOSED_TIRED = 0.8
"""Tired's share of a face with closed eyes that does not smile; a laughing face may close them."""

STORED_PX = (112, 112, 80, 48)
"""Sizes at which crops are kept, in turn: FER2013's faces have 48 px, so sharpness alone must not tell the source."""


@dataclass(frozen=True)
class Folders:
    """data: fer2013/, tired/, lfw/; models: the detector's networks; out: weights, log, caches."""

    data: Path
    models: Path
    out: Path


def opinions(models: Sequence[keras.Model], images: Sequence[NDArray[np.uint8]]) -> tuple[Floats, Floats]:
    """Mean of the models' answers to each face and its mirror image: (n, 8) without tired, and (n, 7)."""
    label: Floats = np.zeros((len(images), len(LABELS)), np.float32)
    votes: Floats = np.zeros((len(images), len(BASIC)), np.float32)
    share = 1 / (2 * len(models))
    for mirrored in (False, True):
        pixels = plain_batch([image[:, ::-1] if mirrored else image for image in images])
        for model in models:
            logits = model.predict(pixels, batch_size=256, verbose=0)
            label[:, : len(BASIC)] += share * _softmax(logits["label"][:, : len(BASIC)])
            votes += share * _softmax(logits["votes"])
    return label, votes


def with_opinion(samples: Samples, models: Sequence[keras.Model], share: float) -> Samples:
    """`samples` with `share` of each target replaced by what `models` say."""
    label, votes = opinions(models, samples.images)
    return replace(
        samples,
        label=(1 - share) * samples.label + share * label,
        votes=(1 - share) * samples.votes + share * votes,
    )


def tired_samples(models: Sequence[keras.Model], recipe: Recipe, folders: Folders) -> Samples:
    """Drivers and portraits; `models` say what those feel that are not tired."""
    drivers, _, _ = tired.split(tired.load(folders.data, folders.models, folders.out / "drivers.npz"))
    people = eyes.load(folders.data, folders.models, folders.out / "portraits.npz", recipe.seed)
    awake = np.concatenate((drivers.crops[~drivers.yawns], people.plain, people.opened))
    label, votes = opinions(models, list(awake))
    samples = _samples(awake, label, votes, 1.0)
    yawning = drivers.crops[drivers.yawns]
    samples += _samples(yawning, _tired(np.full(len(yawning), YAWN_TIRED)), np.zeros((len(yawning), 7)), 0.0)
    rest, _ = opinions(models, list(people.plain))
    share = CLOSED_TIRED * (1 - rest[:, LABELS.index("happy")])[:, None]
    closed = share * np.eye(len(LABELS))[TIRED] + (1 - share) * rest
    samples += _samples(people.closed, closed, np.zeros((len(closed), 7)), 0.0)
    return samples


def _tired(share: NDArray[np.floating]) -> NDArray[np.floating]:
    """(n, 8) targets with `share` on tired and the rest spread evenly."""
    return np.asarray(share[:, None] * np.eye(len(LABELS))[TIRED] + (1 - share[:, None]) / len(LABELS))


def _samples(
    crops: NDArray[np.uint8], label: NDArray[np.floating], votes: NDArray[np.floating], votes_weight: float
) -> Samples:
    images = [_at(crop, STORED_PX[place % len(STORED_PX)]) for place, crop in enumerate(crops)]
    return Samples(
        images,
        np.asarray(label, np.float32),
        np.asarray(votes, np.float32),
        np.ones(len(images), np.float32),
        np.full(len(images), votes_weight, np.float32),
    )


def _at(crop: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def _softmax(logits: Floats) -> Floats:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)
