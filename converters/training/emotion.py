"""Train the emotion network: ``python -m converters.training.emotion --data DIR --out DIR``.

One command, seeded, resumable (``--resume`` goes on after the last finished epoch), with Keras' progress bar. It runs
on a CPU with TensorFlow and, with KERAS_BACKEND=jax or torch, on a GPU: the batches are made by numpy and OpenCV.

Three stages, each going on from the one before. `base` learns FER2013 from dlib's weights. `student` adds drivers and
portraits for tired and trains for long, on small pictures first, its targets mixed with the answers of the elders: of
networks of earlier runs (``--elders``), or of `base` where there are none (born-again networks, Furlanello et al.
2018). `final` does so with the student among the elders.
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
from converters.training import faces, feed, first_weights, fitting, network, sources
from converters.training.fitting import Recipe
from edge_fer.arguments import at_least_one
from edge_fer.errors import EdgeFerError, SourceError

log = logging.getLogger(__name__)

FIRST_STATISTICS = 512
"""Faces that give the normalization its first means and variances."""


def train(recipe: Recipe, folders: sources.Folders, elder_files: Sequence[Path], *, resume: bool) -> keras.Model:
    """All stages; the model with the averaged weights of the last epoch.

    Args:
        recipe: How.
        folders: Where everything is.
        elder_files: averaged.weights.h5 of earlier runs, whose networks are the first elders.
        resume: Go on after the last finished epoch.

    Raises:
        SourceError: Data, first weights or an elder's weights are missing.
    """
    elders = [_elder(path) for path in elder_files]
    seen = faces.load(folders.data / "fer2013" / "train.npz")
    fit, dev = faces.split(seen, faces.load(folders.data / "fer2013" / "valid.npz"))
    told = asdict(recipe) | {"elders": [str(path) for path in elder_files]}
    (folders.out / "recipe.json").write_text(json.dumps(told, indent=2) + "\n")
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
    for name, plan in (("student", recipe.student), ("final", recipe.final)):
        asked = elders or [before]
        samples = sources.with_opinion(faces_only, asked, plan.opinion) + sources.tired_samples(asked, recipe, folders)
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


def _elder(path: Path) -> keras.Model:
    model = network.training_model(dropout=0.0)
    network.load_weights(model, path)
    return model


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m converters.training.emotion", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="holds fer2013/, tired/, lfw/")
    parser.add_argument("--out", type=Path, default=Path("build/emotion"), help="weights, log and caches")
    parser.add_argument("--models", type=Path, default=Path("models"), help="holds the face detector")
    parser.add_argument("--base-epochs", type=at_least_one, default=Recipe.base.epochs)
    parser.add_argument("--epochs", type=at_least_one, default=Recipe.final.epochs, help="of the final stage")
    parser.add_argument(
        "--elders", type=Path, nargs="*", default=[], help="averaged.weights.h5 of earlier runs, asked instead of base"
    )
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
        folders = sources.Folders(options.data, options.models, options.out)
        train(recipe, folders, options.elders, resume=options.resume)
    except OSError as error:
        sys.stderr.write(f"{error} (name another --out)\n")
        return SourceError.exit_code
    except EdgeFerError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    log.info("next: python -m converters.training.export --data %s --out %s", options.data, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
