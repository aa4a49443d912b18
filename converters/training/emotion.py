"""Train the emotion network: ``python -m converters.training.emotion --data DIR --out DIR``.

One command, seeded, resumable (``--resume`` goes on after the last finished epoch), with Keras' progress bar. It runs
on a CPU with TensorFlow and, with KERAS_BACKEND=jax or torch, on a GPU: the batches are made by numpy and OpenCV.

Four stages, each going on from the one before. `base` learns FER2013 from dlib's weights. `teacher` adds drivers and
portraits for tired, whose other feelings `base` tells. `student` trains for long on small pictures first, its targets
mixed with the teacher's answers (born-again networks, Furlanello et al. 2018), and `final` with those of both.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from converters import dlib_resnet
from converters.training import faces, feed, first_weights, fitting, sources
from converters.training.fitting import Recipe
from edge_fer.arguments import at_least_one
from edge_fer.errors import EdgeFerError

log = logging.getLogger(__name__)

FIRST_STATISTICS = 512
"""Faces that give the normalisation its first means and variances."""


def train(recipe: Recipe, folders: sources.Folders, *, resume: bool) -> keras.Model:
    """All stages; the model with the averaged weights of the last epoch.

    Raises:
        SourceError: Data or first weights are missing.
    """
    seen = faces.load(folders.data / "fer2013" / "train.npz")
    fit, dev = faces.split(seen, faces.load(folders.data / "fer2013" / "valid.npz"), recipe.seed)
    log.info("FER2013: %d to train on, %d for development", len(fit), len(dev))
    faces_only = feed.fer_samples(fit, recipe.label_share, recipe.balance)
    few = faces_only.images[:FIRST_STATISTICS]
    before = fitting.run(
        fitting.Stage("base", faces_only, recipe.base),
        recipe,
        dev,
        folders.out,
        start=lambda model: first_weights.from_dlib(model, dlib_resnet.installed_file(), feed.plain_batch(few)),
        resume=resume,
    )
    elders: list[keras.Model] = []
    for name, plan in (("teacher", recipe.teacher), ("student", recipe.student), ("final", recipe.final)):
        asked = elders or [before]
        samples = sources.with_opinion(faces_only, asked, plan.opinion) if plan.opinion else faces_only
        samples += sources.tired_samples(asked, recipe, folders)
        before = fitting.run(
            fitting.Stage(name, samples, plan),
            recipe,
            dev,
            folders.out,
            start=lambda model, before=before: model.set_weights(before.get_weights()),  # type: ignore[misc]
            resume=resume,
        )
        elders.append(before)
    return before


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m converters.training.emotion", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="holds fer2013/, tired/, lfw/")
    parser.add_argument("--out", type=Path, default=Path("build/emotion"), help="weights, log and caches")
    parser.add_argument("--models", type=Path, default=Path("models"), help="holds the face detector")
    parser.add_argument("--base-epochs", type=at_least_one, default=Recipe.base.epochs)
    parser.add_argument("--epochs", type=at_least_one, default=Recipe.final.epochs, help="of the final stage")
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--resume", action="store_true", help="go on after the last finished epoch")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    recipe = Recipe(
        base=replace(Recipe.base, epochs=options.base_epochs),
        final=replace(Recipe.final, epochs=options.epochs, horizon=options.epochs),
        seed=options.seed,
    )
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=2) + "\n")
        train(recipe, sources.Folders(options.data, options.models, options.out), resume=options.resume)
    except EdgeFerError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    log.info("next: python -m converters.training.export --data %s --out %s", options.data, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
