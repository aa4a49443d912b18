"""Configuration → a pipeline: loads the models and the gallery and puts the stages together."""

from __future__ import annotations

from edge_fer.config.schema import Config
from edge_fer.emotion.classifier import EmotionClassifier
from edge_fer.emotion.stage import EmotionStage
from edge_fer.identity import gallery as galleries
from edge_fer.identity.closed_set import ClosedSetClassifier
from edge_fer.identity.embedder import Embedder
from edge_fer.identity.stage import IdentityStage
from edge_fer.pipeline.pipeline import Pipeline
from edge_fer.tflite.model import Model
from edge_fer.vision.mtcnn import Mtcnn


def build(config: Config) -> Pipeline:
    """A pipeline that recognizes the people in the gallery.

    Raises:
        ModelError: A model is missing, changed, or of another kind.
        ConfigError: `emotion.labels` names a label that the model does not have.
        GalleryError: The gallery is damaged or belongs to another model.
    """
    identity = _identity_stage(config)
    if identity:
        identity.use_gallery(galleries.load(config.identity.gallery, identity.manifest))
    return _assemble(config, identity)


def build_without_gallery(config: Config) -> Pipeline:
    """A pipeline that recognizes nobody; reads the models only.

    Raises:
        ModelError: As `build`.
        ConfigError: As `build`.
    """
    return _assemble(config, _identity_stage(config))


def _assemble(config: Config, identity: IdentityStage | None) -> Pipeline:
    detector = Mtcnn(config.models.dir, config.detector, threads=config.models.thread_count)
    return Pipeline(config, detector, identity=identity, emotion=_emotion_stage(config))


def _identity_stage(config: Config) -> IdentityStage | None:
    if not config.identity.enabled:
        return None
    embedder = Embedder(Model(config.models.dir / config.models.identity, threads=config.models.thread_count))
    head = None
    if config.identity.head:
        head = ClosedSetClassifier(Model(config.models.dir / config.identity.head), embedder.model.manifest)
    return IdentityStage(embedder, config.identity, head)


def _emotion_stage(config: Config) -> EmotionStage | None:
    if not config.emotion.enabled:
        return None
    model = Model(config.models.dir / config.models.emotion, threads=config.models.thread_count)
    return EmotionStage(EmotionClassifier(model, config.emotion), config.emotion)
