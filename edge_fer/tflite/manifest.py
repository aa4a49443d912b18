"""The manifest of a model: its input, its output, its origin, and how well it performs.

Every ``NAME.tflite`` has a ``NAME.json`` next to it. The daemon loads no model without one, and none whose sha256
differs from the one in it. Color order, mean, scale, size, labels and thresholds of a model come from here, never from
code. ``converters/`` writes manifests with `write`; the run time reads them with `load`.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge_fer.errors import ModelError

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Positive = Annotated[int, Field(gt=0)]
PointPx = tuple[float, float]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Input(_Part):
    """What the first tensor takes.

    A pixel value v in 0–255 of channel c becomes (v − mean[c]) / std[c] in real numbers. How the tensor stores
    a real number (scale, zero point) is read from the model file itself.

    Attributes:
        shape: Tensor shape (batch, height, width, channels); −1 where the run time may resize.
        color: Channel order; "none" for inputs that are not images, such as an embedding in (1, 1, 1, length).
        mean: Per channel, in 0–255.
        std: Per channel, in 0–255.
    """

    shape: tuple[int, int, int, int]
    color: Literal["rgb", "bgr", "gray", "none"]
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _channels_agree(self) -> Input:
        channels = self.shape[3]
        if self.color != "none" and channels != (1 if self.color == "gray" else 3):
            raise ValueError(f"color {self.color} does not go with {channels} channels")
        for name in ("mean", "std"):
            if len(getattr(self, name)) not in (0, channels):
                raise ValueError(f"{name} needs {channels} numbers or none")
        if any(value <= 0 for value in self.std):
            raise ValueError("std must be above 0")
        return self


class Crop(_Part):
    """The face crop that the model takes.

    Attributes:
        size_px: Width and height of the crop.
        landmarks: Where the five points of `domain.geometry.Landmarks` are in it, x and y in pixels.
    """

    size_px: tuple[Positive, Positive]
    landmarks: tuple[PointPx, PointPx, PointPx, PointPx, PointPx]


class Output(_Part):
    """What the model returns.

    Attributes:
        kind: "embedding" (any length of vector), "logits" or "probabilities" (one per label), or "mtcnn".
        labels: Names of a classifier's outputs, in order.
        temperature: Logits are divided by it before the softmax (Guo et al. 2017, temperature scaling).
    """

    kind: Literal["embedding", "logits", "probabilities", "mtcnn"]
    labels: tuple[str, ...] = ()
    temperature: Annotated[float, Field(gt=0)] = 1.0


class Source(_Part):
    """Where the weights come from."""

    name: str
    origin: str
    file: str
    sha256: Sha256
    license: str


class Quantization(_Part):
    """How the numbers are stored, and on how many real faces their ranges were measured."""

    scheme: Literal["float32", "float16", "dynamic", "int8"]
    calibration_count: Annotated[int, Field(ge=0)]
    calibration_data: str = ""


class Manifest(_Part):
    """Everything that the run time and the reader of models/README.md need to know about one .tflite file.

    Attributes:
        file: Name of the model file, in the same folder.
        embedder: For a face-classifier: name of the identity model whose embeddings, of length 1, it takes.
        thresholds: Named operating points, such as "fmr_1e-3" of an identity model (a cosine) or "confidence" of an
            emotion model (a probability). Each was measured for this model.
        parity: Measured agreement with the float original, by name.
        quality: Measured performance on labeled data, by name; `notes` has data and count of each.
        macs: Multiply-accumulates of one inference, 0 where the input size varies.
        made_by: The command that made the file.
        notes: What a reader must know: data, counts, commands, limits.
    """

    schema_: Literal["edge_fer.manifest/1"] = Field(default="edge_fer.manifest/1", alias="schema")
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    task: Literal["detector", "identity", "emotion", "face-classifier"]
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.tflite$")]
    sha256: Sha256
    size_bytes: Positive
    source: Source
    input: Input
    crop: Crop | None = None
    output: Output
    embedder: str = ""
    thresholds: dict[str, float] = {}
    quantization: Quantization
    parity: dict[str, float] = {}
    quality: dict[str, float] = {}
    macs: Annotated[int, Field(ge=0)] = 0
    converter: str
    made_by: str
    notes: tuple[str, ...] = ()

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @property
    def short_id(self) -> str:
        """Name and first digits of the hash, as in payloads: ``mobilenet@9ab1``."""
        return f"{self.name}@{self.sha256[:4]}"


def sha256_of(path: Path) -> str:
    """Hex digest of a file, read in chunks: model files can be larger than a Raspberry Pi's memory."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def load(model_path: Path) -> Manifest:
    """Read and check the manifest of `model_path`, and check the model's sha256 against it.

    Raises:
        ModelError: Model or manifest missing, manifest invalid, or the model's sha256 differs.
    """
    path = model_path.with_suffix(".json")
    for needed in (model_path, path):
        if not needed.is_file():
            raise ModelError(f"{needed}: no such file", "run 'make convert', or set models.dir to where the models are")
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        raise ModelError(f"{path}: {where}: {first['msg']}", "convert the model again with edge-fer-convert") from error
    if manifest.file != model_path.name:
        raise ModelError(
            f"{path}: describes {manifest.file}, not {model_path.name}", "keep each model together with its manifest"
        )
    if sha256_of(model_path) != manifest.sha256:
        raise ModelError(
            f"{model_path}: its sha256 differs from the one in {path.name}: the file is damaged or was replaced",
            "copy the model and its manifest again from their source",
        )
    return manifest


def write(manifest: Manifest, model_path: Path) -> None:
    """Write the manifest next to `model_path`, completely or not at all."""
    text = json.dumps(manifest.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False) + "\n"
    with tempfile.NamedTemporaryFile("w", dir=model_path.parent, delete=False, encoding="utf-8") as file:
        file.write(text)
    written = Path(file.name)
    written.chmod(0o644)  # NamedTemporaryFile creates files with 0600; a manifest may be read by everybody
    written.replace(model_path.with_suffix(".json"))
