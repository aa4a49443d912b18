"""Makes manifests for tests."""

from __future__ import annotations

from edge_fer.tflite.manifest import Crop, Input, Manifest, Output, Quantization, Source

_SOURCE = Source(name="none", origin="tests", file="none", sha256="0" * 64, license="CC0-1.0")
_CROP = Crop(size_px=(150, 150), landmarks=((47.5, 45.4), (100.9, 45.4), (74.2, 77.5), (51.0, 105.0), (97.4, 105.0)))


def identity_manifest() -> Manifest:
    """An identity model with 4-d embeddings and the thresholds of the shipped model."""
    return Manifest(
        name="fake-identity",
        task="identity",
        file="identity.tflite",
        sha256="0" * 64,
        size_bytes=1,
        source=_SOURCE,
        input=Input(shape=(1, 150, 150, 3), color="rgb"),
        crop=_CROP,
        output=Output(kind="embedding"),
        thresholds={"fmr_1e-3_single": 0.925, "fmr_1e-3_mean": 0.935},
        quantization=Quantization(scheme="int8", calibration_count=0),
        converter="tests",
        made_by="tests",
    )


def emotion_manifest(*labels: str, kind: str = "logits", temperature: float = 1.0) -> Manifest:
    """An emotion model on gray crops of 224 px with these labels."""
    return Manifest(
        name="fake-emotion",
        task="emotion",
        file="emotion.tflite",
        sha256="0" * 64,
        size_bytes=1,
        source=_SOURCE,
        input=Input(shape=(1, 224, 224, 1), color="gray"),
        crop=_CROP.model_copy(update={"size_px": (224, 224)}),
        output=Output.model_validate({"kind": kind, "labels": labels, "temperature": temperature}),
        thresholds={"confidence": 0.4},
        quantization=Quantization(scheme="int8", calibration_count=0),
        converter="tests",
        made_by="tests",
    )


def head_manifest(*names: str, embedder: str = "fake-identity") -> Manifest:
    """A closed-set head on 4-d embeddings, for these people."""
    return identity_manifest().model_copy(
        update={
            "task": "face-classifier",
            "file": "face_classifier.tflite",
            "embedder": embedder,
            "input": Input(shape=(1, 1, 1, 4), color="none"),
            "output": Output(kind="logits", labels=names),
            "crop": None,
        }
    )
