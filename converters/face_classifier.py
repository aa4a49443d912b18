"""A closed-set head: embedding → one of n people, as students train it on top of a face network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from converters import keras_files
from converters.network import Network, Scheme
from edge_fer.errors import SourceError
from edge_fer.tflite.manifest import Input, Output, Source, sha256_of

SCHEME: Scheme = "float32"
"""A head is a thousandth of the network before it: 8 bits save nothing and cost answers."""


def read_names(path: Path) -> tuple[str, ...]:
    """One name a line; empty lines do not count.

    Raises:
        SourceError: Missing, or fewer than two names, or a name twice.
    """
    hint = "give a text file with one name a line, in the order of the outputs"
    try:
        names = tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: {error}", hint) from error
    if len(names) < 2 or len(set(names)) != len(names):
        raise SourceError(f"{path}: {len(names)} names, {len(set(names))} different ones", hint)
    return names


def network(
    path: Path,
    names: tuple[str, ...],
    embedder: str,
    width: int,
    *,
    scheme: Scheme = SCHEME,
    license: str = "not stated",
    allow_lambda: bool = False,
) -> Network:
    """The head, ready to be converted; its softmax is taken off.

    Args:
        embedder: Name of the identity model whose embeddings, brought to length 1, go in.
        width: Length of these embeddings.

    Raises:
        SourceError: Unreadable, made for other embeddings, or names and outputs differ in number.
    """
    model = keras_files.load(path, allow_lambda=allow_lambda)
    inputs, outputs = [tuple(each.shape) for each in model.inputs], [tuple(each.shape) for each in model.outputs]
    if inputs != [(None, width)]:
        raise SourceError(f"{path}: takes {inputs}, but {embedder} gives {width} numbers", "give the head made for it")
    if len(outputs) != 1 or outputs[0] != (None, len(names)):
        raise SourceError(f"{path}: gives {outputs}, but there are {len(names)} names", "name every output in order")
    model, logits = keras_files.without_softmax(model)
    return Network(
        name=path.stem.lower().replace("_", "-"),
        stem="face_classifier",
        task="face-classifier",
        keras=_on_maps(model, width),
        scheme=scheme,
        source=Source(
            name=path.stem, origin="given by the user", file=path.name, sha256=sha256_of(path), license=license
        ),
        input=Input(shape=(1, 1, 1, width), color="none"),
        output=Output(kind="logits" if logits else "probabilities", labels=names),
        embedder=embedder,
        fixed_batch=1,
        notes=("knows these people only: everybody else gets one of their names",),
    )


def _on_maps(model: Any, width: int) -> Any:
    """The head on (n, 1, 1, width), the shape that the run time gives to every model."""
    library = keras_files.library_of(model)
    cells = library.Input((1, 1, width), name="embedding")
    return library.Model(cells, model(library.layers.Reshape((width,), name="row")(cells)), name="head")
