"""Training samples and the batches made of them: the same batch for the same seed, epoch and position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from converters.training.augment import TRUNK_PX, plain, varied
from converters.training.faces import Faces, fer_targets
from converters.training.labels import BASIC, LABELS

Batch = tuple[NDArray[np.float32], dict[str, NDArray[np.float32]], dict[str, NDArray[np.float32]]]


@dataclass(frozen=True)
class Samples:
    """What is trained on.

    Attributes:
        images: Gray faces, uint8 (s, s) each, any s.
        label: float32 (n, 8), soft target over LABELS.
        votes: float32 (n, 7), soft target over BASIC.
        label_weight: float32 (n,), weight of `label` in the loss.
        votes_weight: float32 (n,), weight of `votes` in the loss; 0 where there are none.
    """

    images: Sequence[NDArray[np.uint8]]
    label: NDArray[np.float32]
    votes: NDArray[np.float32]
    label_weight: NDArray[np.float32]
    votes_weight: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.images)

    def __add__(self, other: Samples) -> Samples:
        pairs = zip(self._columns(), other._columns(), strict=True)
        return Samples([*self.images, *other.images], *(np.concatenate(pair) for pair in pairs))

    def _columns(self) -> tuple[NDArray[np.float32], ...]:
        return self.label, self.votes, self.label_weight, self.votes_weight


@dataclass(frozen=True)
class Plan:
    """How hard a stage is made.

    Attributes:
        epochs: Passes over the samples.
        horizon: The epoch at which the cosine of the learning rate would end; `epochs` or later.
        rate: Highest learning rate, after one epoch of warm-up.
        strength: Of the variation of faces, see `augment.varied`.
        mixup: Part of the batches in which two faces are mixed.
        dropout: On the 128 features.
        opinion: Part of the targets on FER2013 that the elders' answers give.
        sizes_px: Sides of the trunk's input, each for an equal part of the epochs. Small pictures first give more
            epochs in the same time (Tan & Le, EfficientNetV2, 2021).
    """

    epochs: int
    horizon: int
    rate: float
    strength: float
    mixup: float
    dropout: float
    opinion: float = 0.0
    sizes_px: tuple[int, ...] = (TRUNK_PX,)

    def size_px(self, epoch: int) -> int:
        """Side of the trunk's input in an epoch, counted from 0."""
        return self.sizes_px[min(epoch * len(self.sizes_px) // self.epochs, len(self.sizes_px) - 1)]


def fer_samples(faces: Faces, label_share: float, balance: float) -> Samples:
    """FER2013 as samples.

    Args:
        faces: FER2013.
        label_share: See `fer_targets`.
        balance: 0 leaves the classes as they are, 1 gives each the same total weight.
    """
    counts = np.bincount(faces.label7, minlength=len(BASIC))
    weight = (counts.mean() / np.maximum(counts, 1)) ** balance
    label = np.pad(fer_targets(faces, label_share), ((0, 0), (0, len(LABELS) - len(BASIC))))
    return Samples(
        list(faces.images),
        label.astype(np.float32),
        faces.votes,
        weight[faces.label7].astype(np.float32),
        (faces.votes.sum(axis=1) > 0).astype(np.float32),
    )


class Feed(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
    """Batches of varied faces for `fit`; every sample once an epoch, in an order drawn from (seed, epoch).

    The faces have the size that the plan gives the first epoch.
    """

    def __init__(self, samples: Samples, batch: int, seed: int, first_epoch: int, plan: Plan) -> None:
        super().__init__(workers=2, max_queue_size=6)
        self._samples, self._batch, self._seed, self._epoch, self._plan = samples, batch, seed, first_epoch, plan
        self._size_px = plan.size_px(first_epoch)
        self._order = self._drawn_order()

    def __len__(self) -> int:
        return len(self._samples) // self._batch

    def __getitem__(self, index: int) -> Batch:
        draw = np.random.default_rng((self._seed, self._epoch, index))
        rows = self._order[index * self._batch : (index + 1) * self._batch]
        faces = [varied(self._samples.images[row], draw, self._plan.strength, self._size_px) for row in rows]
        pixels = np.stack(faces)[..., None].astype(np.float32)
        label, votes, label_weight, votes_weight = (column[rows] for column in self._samples._columns())
        if draw.random() < self._plan.mixup:
            share = np.float32(draw.beta(0.4, 0.4))
            pixels, label, votes, label_weight, votes_weight = (
                share * part + (1 - share) * part[::-1] for part in (pixels, label, votes, label_weight, votes_weight)
            )
        return pixels, {"label": label, "votes": votes}, {"label": label_weight, "votes": votes_weight}

    def on_epoch_end(self) -> None:
        """Go on to the next epoch's order."""
        self._epoch += 1
        self._order = self._drawn_order()

    def _drawn_order(self) -> NDArray[np.intp]:
        return np.random.default_rng((self._seed, self._epoch)).permutation(len(self._samples))


def plain_batch(images: Sequence[NDArray[np.uint8]], size_px: int = TRUNK_PX) -> NDArray[np.float32]:
    """float32 (n, size_px, size_px, 1) of faces by the way of the run time, without variation."""
    out = np.empty((len(images), size_px, size_px, 1), np.float32)
    for place, image in enumerate(images):
        out[place, ..., 0] = plain(image, size_px)
    return out
