"""VGG-Face (VGG16, Parkhi et al. 2015): pictures of 224 px → a descriptor.

The weights are not ours to ship: CC BY-NC, non-commercial. The user brings them or lets `download` fetch them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
from keras import layers

from converters import vggface_files
from converters.network import Network, Scheme
from converters.vggface_files import BLOCKS, VggFile
from edge_fer.errors import SourceError
from edge_fer.tflite.manifest import Crop, Input, Output, Source, sha256_of

SCHEME: Scheme = "int8"

WORST_COSINE = 0.99
"""Stated with the project's aims."""

LICENSE = "CC BY-NC 4.0 (non-commercial)"

SIDE_PX = 224

ALIGNMENT = Crop(
    size_px=(SIDE_PX, SIDE_PX),
    landmarks=((78.1, 88.5), (145.9, 88.5), (112.0, 129.3), (82.5, 164.2), (141.5, 164.2)),
)
"""dlib's chips of 150 px at 85 % and centered a little higher: VGG-Face was trained on boxes with a margin.
Not measured on the published weights, which are not here: measure with --pairs."""


@dataclass(frozen=True)
class Published:
    """A weights file that somebody offers."""

    name: str
    url: str
    megabytes: int
    holds: str


PUBLISHED = (
    Published(
        "keras-vggface-notop",
        "https://github.com/rcmalli/keras-vggface/releases/download/v2.0/rcmalli_vggface_tf_notop_vgg16.h5",
        59,
        "13 convolutions conv1_1 … conv5_3: enough for pool5-gap",
    ),
    Published(
        "keras-vggface",
        "https://github.com/rcmalli/keras-vggface/releases/download/v2.0/rcmalli_vggface_tf_vgg16.h5",
        580,
        "conv1_1 … conv5_3, fc6, fc7, fc8",
    ),
    Published(
        "deepface",
        "https://github.com/serengil/deepface_models/releases/download/v1.0/vgg_face_weights.h5",
        580,
        "16 convolutions in order",
    ),
    Published(
        "matconvnet",
        "https://www.vlfeat.org/matconvnet/models/vgg-face.mat",
        580,
        "struct array `layers`, from Oxford's vgg_face_matconvnet",
    ),
)


def network(path: Path, descriptor: str = "pool5-gap", scheme: Scheme = SCHEME) -> Network:
    """The identity network, ready to be converted.

    Raises:
        SourceError: `path` is missing, cut off, another network, or lacks a layer that the descriptor needs.
    """
    file = vggface_files.open_file(path)
    try:
        model = rebuilt(file, descriptor)
    finally:
        file.close()
    return Network(
        name=f"vggface-{descriptor}",
        stem="vggface" if descriptor == "pool5-gap" else f"vggface-{descriptor}",
        task="identity",
        keras=model,
        scheme=scheme,
        source=Source(
            name=f"VGG-Face (Parkhi et al. 2015), layout of {file.layout}",
            origin="https://www.robots.ox.ac.uk/~vgg/software/vgg_face/",
            file=path.name,
            sha256=sha256_of(path),
            license=LICENSE,
        ),
        input=Input.model_validate(
            {"shape": (-1, SIDE_PX, SIDE_PX, 3), "color": file.color, "mean": file.mean, "std": file.std}
        ),
        output=Output(kind="embedding"),
        crop=ALIGNMENT,
        notes=(f"color order and numbers as {file.layout} feeds them",),
    )


def rebuilt(file: VggFile, descriptor: str) -> keras.Model:
    """(n, 224, 224, 3) → (n, 512) for pool5-gap, (n, 1, 1, 4096) for fc7 after its ReLU, (n, 1, 1, 2622) for fc8."""
    pixels = layers.Input((SIDE_PX, SIDE_PX, 3), name="pixels")
    x: Any = pixels
    for block, (_, count) in enumerate(BLOCKS, 1):
        for n in range(1, count + 1):
            x = _conv(x, file, f"conv{block}_{n}", padding="same")
        x = layers.MaxPooling2D(2, name=f"pool{block}")(x)
    if descriptor == "pool5-gap":
        return keras.Model(pixels, layers.GlobalAveragePooling2D(name="mean")(x), name="vggface")
    x = _conv(_conv(x, file, "fc6"), file, "fc7")
    if descriptor == "fc8":
        x = _conv(x, file, "fc8", relu=False)
    return keras.Model(pixels, x, name="vggface")


def _conv(x: Any, file: VggFile, name: str, *, padding: str = "valid", relu: bool = True) -> Any:
    kernel, bias = file.layer(name)
    layer = layers.Conv2D(
        kernel.shape[3], kernel.shape[:2], padding=padding, activation="relu" if relu else None, name=name
    )
    y = layer(x)
    layer.set_weights([kernel, bias])
    return y


def published(name: str) -> Published:
    """The offer of that name.

    Raises:
        SourceError: There is none.
    """
    for offer in PUBLISHED:
        if offer.name == name:
            return offer
    raise SourceError(f"no published file is called {name}", f"known are {', '.join(o.name for o in PUBLISHED)}")


def where_to_get() -> str:
    """What a user without a file needs to know."""
    lines = [f"VGG-Face's weights are not part of edge_fer: {LICENSE}, © University of Oxford. Known files:"]
    lines += [f"  {offer.name}: {offer.url} ({offer.megabytes} MB; {offer.holds})" for offer in PUBLISHED]
    return "\n".join(lines)
