"""One stage of training: compile, fit, watch, keep enough to go on after a break."""

from __future__ import annotations

import itertools
import json
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import keras
import numpy as np
from numpy.typing import NDArray

from converters.training import network
from converters.training.augment import TRUNK_PX
from converters.training.faces import Faces
from converters.training.feed import Feed, Plan, Samples, plain_batch
from converters.training.labels import BASIC
from converters.training.muon import ConvolutionMuon
from edge_fer.errors import ConversionError, SourceError

log = logging.getLogger(__name__)

BASE = Plan(epochs=20, horizon=30, rate=1e-3, strength=1.0, mixup=0.3, dropout=0.3)
STUDENT = Plan(
    epochs=105,
    horizon=105,
    rate=1e-3,
    strength=0.85,
    mixup=0.15,
    dropout=0.2,
    opinion=0.4,
    sizes_px=(64, 88, TRUNK_PX),
)
"""FER2013's labels are noisy, so from here on they are tempered with what networks before say, and the faces vary for
long. In the logs `BASE` ends at 68.5 % of the development split, this at 71.9 %, and `FINAL` at 72.0 %."""
FINAL = replace(STUDENT, epochs=72, horizon=72, opinion=0.5, sizes_px=(88, TRUNK_PX, TRUNK_PX))
"""The elder of the shipped run and its student are together right on 72.0 % of the development split (with mirror
images), alone on 71.1 % and 72.0 %; this is on 72.4 %."""

EXPLODED = 1.3
"""An epoch's loss over the lowest before it that ends the training. The stages of the shipped run and of its elder came
to 1.08 at most (logs/*.jsonl)."""

ADAM_RATE = 0.2
"""Adam's rate for scales, shifts and heads over Muon's for kernels. At 1, and a rate of 2e-3, the loss of a `final`
stage crept up from its 35th epoch on."""


@dataclass(frozen=True)
class Recipe:
    """Everything that shapes the weights; kept beside them.

    Attributes:
        base: FER2013 alone, from dlib's weights. It is stopped while the learning rate is still high: what follows
            goes on from there with all samples.
        student: All samples, FER2013's targets mixed with the elders' answers.
        final: The same with the student among the elders.
        batch: Samples per step.
        decay: Weight decay.
        average: Momentum of the moving average of the weights, which is what is evaluated and kept.
        label_share: Part of the original label in the `label` head's target; the rest are FER+ votes.
        balance: Class weights, see `feed.fer_samples`.
        votes_loss: Weight of the votes head's loss.
        seed: Of order and variation.
    """

    base: Plan = BASE
    student: Plan = STUDENT
    final: Plan = FINAL
    batch: int = 128
    decay: float = 0.02
    average: float = 0.999
    label_share: float = 0.8
    balance: float = 0.2
    votes_loss: float = 0.7
    seed: int = 20261121


@dataclass(frozen=True)
class Stage:
    """A name (also of its folder), what is shown, and how."""

    name: str
    samples: Samples
    plan: Plan


def run(
    stage: Stage,
    recipe: Recipe,
    dev: Faces,
    out: Path,
    *,
    start: Callable[[keras.Model], None],
    resume: bool,
) -> keras.Model:
    """Train a stage, or what is left of it.

    Args:
        stage: What to do.
        recipe: How.
        dev: Faces that are not trained on, watched after each epoch.
        out: Gets a folder with the stage's name: last.weights.h5, last.npz, epoch.json, averaged.weights.h5, log.jsonl.
        start: Fills a fresh model's weights.
        resume: Go on after the last finished epoch, where there is one.
    """
    folder = out / stage.name
    folder.mkdir(parents=True, exist_ok=True)
    done = _finished(folder) if resume else 0
    model = compiled(recipe, stage)
    watch = Watch(folder, dev, stage.plan, done)
    if done:
        _restore(model, folder, _goes_on_from(stage.plan, done))
        log.info("%s goes on after epoch %d", stage.name, done)
    else:
        start(model)
    for _, part in itertools.groupby(range(done, stage.plan.epochs), key=stage.plan.size_px):
        first, *rest = part  # Keras wants batches of one size in one fit
        batches = Feed(stage.samples, recipe.batch, recipe.seed, first, stage.plan)
        model.fit(batches, epochs=first + 1 + len(rest), initial_epoch=first, callbacks=[watch], verbose="auto")
    network.load_weights(model, folder / "averaged.weights.h5")
    return model


def compiled(recipe: Recipe, stage: Stage) -> keras.Model:
    """A fresh training model with optimizer and losses, computing in bfloat16 on float32 weights."""
    steps = len(stage.samples) // recipe.batch
    keras.utils.set_random_seed(recipe.seed)
    with network.computing_in("mixed_bfloat16"):
        model = network.training_model(stage.plan.dropout)
    rate = keras.optimizers.schedules.CosineDecay(
        stage.plan.rate * 0.05,
        steps * max(stage.plan.horizon - 1, 1),
        alpha=0.005,
        warmup_target=stage.plan.rate,
        warmup_steps=steps,
    )
    optimizer = ConvolutionMuon(
        rate,
        adam_lr_ratio=ADAM_RATE,
        weight_decay=recipe.decay,
        adam_weight_decay=recipe.decay,
        use_ema=True,
        ema_momentum=recipe.average,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    loss = {name: keras.losses.CategoricalCrossentropy(from_logits=True) for name in ("label", "votes")}
    weights = {"label": 1.0, "votes": recipe.votes_loss}
    model.compile(optimizer, loss, loss_weights=weights, jit_compile=False)
    return model


class Watch(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
    """After each epoch: averaged weights on `dev` at the epoch's size; a log line, files to go on from.

    The log keeps the lines of the `done` epochs that are gone on from; a SourceError where they are damaged.
    """

    def __init__(self, folder: Path, dev: Faces, plan: Plan, done: int = 0) -> None:
        super().__init__()
        self._folder, self._dev, self._plan = folder, dev, plan
        path = folder / "log.jsonl"
        lines = path.read_text().splitlines()[:done] if path.is_file() else []
        path.write_text("".join(f"{line}\n" for line in lines))
        try:
            self._lowest = min((float(json.loads(line)["loss"]) for line in lines), default=math.inf)
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(f"{path}: {error}", "train again without --resume") from error

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write averaged.weights.h5, log.jsonl, last.* and epoch.json, in this order.

        Raises:
            ConversionError: The loss exploded; the files of the epoch before are left as they are.
        """
        self._check((logs or {})["loss"], epoch)
        pixels = plain_batch(list(self._dev.images), self._plan.size_px(epoch))
        self._swap_averages()
        logits = self.model.predict(pixels, batch_size=256, verbose=0)
        self.model.save_weights(self._folder / "averaged.weights.h5")
        self._swap_averages()
        line = {"epoch": epoch + 1, **{name: round(float(value), 4) for name, value in (logs or {}).items()}}
        line |= accuracies(logits, self._dev)
        with (self._folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        log.info("%s", line)
        _keep(self.model, self._folder)
        (self._folder / "epoch.json").write_text(json.dumps({"finished": epoch + 1}))

    def _check(self, loss: float, epoch: int) -> None:
        if not (math.isfinite(loss) and loss <= EXPLODED * self._lowest):
            raise ConversionError(
                f"the loss rose to {loss:.3g} in epoch {epoch + 1}", "lower the plan's rate, then go on with --resume"
            )
        self._lowest = min(self._lowest, loss)

    def _swap_averages(self) -> None:
        averages = self.model.optimizer._model_variables_moving_average
        for variable, average in zip(self.model.trainable_variables, averages, strict=True):
            kept = keras.ops.convert_to_numpy(variable)
            variable.assign(average)
            average.assign(kept)


def accuracies(logits: dict[str, NDArray[np.float32]], dev: Faces) -> dict[str, float]:
    """Shares right: `label` head and `votes` head on label7 and on the FER+ majority."""
    voted = dev.majority >= 0
    scores = {}
    for head in ("label", "votes"):
        best = np.asarray(logits[head])[:, : len(BASIC)].argmax(axis=1)
        scores[f"{head}_on_label7"] = round(float((best == dev.label7).mean()), 4)
        scores[f"{head}_on_ferplus"] = round(float((best == dev.majority)[voted].mean()), 4)
    return scores


def _keep(model: keras.Model, folder: Path) -> None:
    """Weights and the optimizer's state: Keras' own file of both does not bring the optimizer back (3.15)."""
    model.save_weights(folder / "last.weights.h5")
    state = {str(place): keras.ops.convert_to_numpy(value) for place, value in enumerate(model.optimizer.variables)}
    np.savez(folder / "last.npz", **state)


def _goes_on_from(plan: Plan, done: int) -> str:
    """The weights file that holds what an unbroken run would go on from after `done` epochs."""
    # Keras puts the averages in the weights' place at the end of each fit, and each size is a fit of its own.
    ended = done < plan.epochs and plan.size_px(done) != plan.size_px(done - 1)
    return "averaged.weights.h5" if ended else "last.weights.h5"


def _restore(model: keras.Model, folder: Path, weights: str) -> None:
    model.optimizer.build(model.trainable_variables)
    network.load_weights(model, folder / weights)
    path = folder / "last.npz"
    try:
        with path.open("rb") as file, np.load(file) as state:
            for place, variable in enumerate(model.optimizer.variables):
                variable.assign(state[str(place)])
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise SourceError(f"{path}: {error}", "train again without --resume") from error


def _finished(folder: Path) -> int:
    try:
        return int(json.loads((folder / "epoch.json").read_text())["finished"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
